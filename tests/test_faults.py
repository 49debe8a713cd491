"""The fault matrix: each fault against a cold cache, a warm one, and while several scrape at once.

Whatever happens: the process lives, /metrics answers 200 within its deadline, what was known stays, the reason is the
right one, one warning says so, and no secret is told. To add a fault, add a row to the table.
"""

from __future__ import annotations

import asyncio
import datetime
import gzip
import json
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import trustme

from exporter.config import ApiSettings, OAuth2Credentials, Secret
from tests.rawserver import Answer, Received, http, json_answer, raw_server, sends
from tests.serving import Exposition, Served, configuration, served
from tests.vendor_samples import NEWER, OLDER, answer

pytestmark = pytest.mark.anyio

SENT = "mimecast_awareness_campaign_emails_sent"
GOOD = json_answer(answer(OLDER, NEWER))
#: Seconds an API call may take here; long enough on a loaded machine, short enough for tests of silence.
TIMEOUT = 1.5
SHAPES = {
    "nested": {"fail": [{"errors": [{"code": "%s", "message": "planted", "retryable": False}]}], "data": []},
    "flat": {"fail": [{"code": "%s", "message": "planted"}]},
    "error": {"error": {"code": "%s", "message": "planted"}},
}


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        answer: what the API does; bytes are sent as they are.
        reason: the expected reason; empty where the answer can be used all the same.
        kept: campaigns with series afterwards, where the answer can be used.
        settings: of the `api:` section.
    """

    answer: Answer | bytes
    reason: str = ""
    kept: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)


async def silence(_: Received, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(2 * TIMEOUT)


async def one_byte_at_a_time(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(http(200, headers={"content-length": "5000"}))
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def reset_in_the_body(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(GOOD[: len(GOOD) // 2])
    await writer.drain()
    writer.transport.abort()


async def pages_without_end(request: Received, writer: asyncio.StreamWriter) -> None:
    given = json.loads(request.body).get("meta", {}).get("pagination", {}).get("pageToken", "0")
    meta = {"status": 200, "pagination": {"next": str(int(given) + 1)}}
    writer.write(json_answer(answer(NEWER | {"id": given}, meta=meta)))


async def large(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(http(200, headers={"content-length": "200000000"}))
    for _piece in range(200):
        writer.write(b" " * 1_000_000)
        await writer.drain()


def refused(code: str, shape: str, status: int) -> bytes:
    return json_answer(json.loads(json.dumps(SHAPES[shape]).replace("%s", code)), status)


def raw_json(text: str) -> bytes:
    return http(200, text.encode("utf-8", "surrogateescape"), {"content-type": "application/json"})


def with_field(name: str, value: str) -> bytes:
    """A queue of one good campaign and one whose field holds this JSON."""
    odd = json.dumps(NEWER | {"id": "odd", name: "@"}).replace('"@"', value)
    return raw_json(f'{{"fail": [], "meta": {{"status": 200}}, "data": [{json.dumps(OLDER)}, {odd}]}}')


BODIES: dict[str, tuple[bytes, str]] = {
    "an HTML page": (http(200, b"<html>planted</html>", {"content-type": "text/html"}), "invalid_response"),
    "an empty body": (http(200), "invalid_response"),
    "null": (raw_json("null"), "invalid_response"),
    "a list": (raw_json("[]"), "invalid_response"),
    "an empty object": (raw_json("{}"), "invalid_response"),
    "data that is no list": (raw_json('{"data": {"0": {}}}'), "invalid_response"),
    "a body cut short": (GOOD[:-40], "invalid_response"),
    "more body than said": (http(200, b'{"data": []}xxxxx', {"content-length": "12"}), ""),
    "a chunk that is none": (b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\nplanted\r\n", "invalid_response"),
    "another protocol": (b"SSH-2.0-planted\r\n\r\n", "invalid_response"),
    "a gzip bomb": (http(200, gzip.compress(bytes(90_000_000), 9), {"content-encoding": "gzip"}), "too_large"),
    "gzip cut short": (
        http(200, gzip.compress(b'{"data": []}')[:-6], {"content-encoding": "gzip"}),
        "invalid_response",
    ),
    "nested 10 000 deep": (raw_json('{"data": [' + "[" * 10_000 + "]" * 10_000 + "]}"), ""),
    "bytes that are not UTF-8": (with_field("subject", '"\udcff\udcfe"'), ""),
    "a lone surrogate": (with_field("subject", '"\\ud800"'), ""),
    "a control character": (with_field("subject", '"\x01"'), ""),
    "the same key twice": (raw_json('{"data": [], "data": []}'), ""),
}
STATUSES = {
    301: "invalid_response", 302: "invalid_response", 307: "invalid_response", 308: "invalid_response",
    400: "api_error", 401: "auth", 403: "permission", 404: "api_error", 409: "api_error", 418: "auth",
    429: "rate_limited", 500: "server_error", 502: "server_error", 503: "server_error",
}  # fmt: skip
CODES = {
    "err_xdk_invalid_signature": "auth",
    "err_xdk_binding_expired": "auth",
    "err_developer_key": "auth",
    "token_expired": "auth",
    "app_forbidden": "permission",
    "err_unheard_of": "api_error",
}
LIMITS = ("0", "-1", "nan", "1e400", "planted", "99999999999999999999", "3000")

FAULTS: dict[str, Fault] = {
    "silence": Fault(silence, "timeout"),
    "one byte at a time": Fault(one_byte_at_a_time, "timeout"),
    "a reset in the body": Fault(reset_in_the_body, "invalid_response"),
    "no answer": Fault(b"", "connect"),
    "200 MB": Fault(large, "too_large", settings={"timeout": 20.0}),
    "pages without end": Fault(pages_without_end, "too_large", settings={"timeout": 20.0, "max_response_size": 20_000}),
    "the same page again": Fault(
        json_answer(answer(meta={"status": 200, "pagination": {"next": "same"}})), "invalid_response"
    ),
    **{name: Fault(body, reason, kept=None if reason else 1) for name, (body, reason) in BODIES.items()},
    **{
        f"HTTP {status}": Fault(http(status, b"planted", {"location": "https://planted.test/"}), reason)
        for status, reason in STATUSES.items()
    },
    **{
        f"{code}, {shape}, HTTP {status}": Fault(refused(code, shape, status), reason)
        for code, reason in CODES.items()
        for shape in SHAPES
        for status in (200, 400)
    },
    **{
        f"429 with {header}: {value}": Fault(http(429, headers={header: value}), "rate_limited")
        for header in ("x-ratelimit-reset", "retry-after")
        for value in LIMITS
    },
    **{
        f"{name} is {value}": Fault(with_field(name, value), kept=2)
        for name in ("numSent", "numCompleted", "launchDate", "optionSpread", "customAnswer", "locked")
        for value in ("null", '"planted"', "[]", "{}", "-1", "NaN", "1e400", "[[[[1]]]]", '"9999-99-99"')
    },
    **{
        f"launched {date}": Fault(with_field("launchDate", f'"{date}"'), kept=2)
        for date in ("1900-01-01T00:00:00+0000", "9999-12-31T23:59:59-2359", "0001-01-01T00:00:00+2359", "yesterday")
    },
}
#: Those that are usable although something in them is not: how many campaigns have series then.
FAULTS["more body than said"] = replace(FAULTS["more body than said"], kept=0)
FAULTS["nested 10 000 deep"] = replace(FAULTS["nested 10 000 deep"], reason="invalid_response", kept=None)
FAULTS["the same key twice"] = replace(FAULTS["the same key twice"], kept=0)
for _name in ("bytes that are not UTF-8", "a lone surrogate", "a control character"):
    FAULTS[_name] = replace(FAULTS[_name], kept=2)


@asynccontextmanager
async def facing(fault: Fault, *, warm: bool) -> AsyncIterator[Served]:
    """An exporter whose API is at fault from now on; `warm` had one good answer before."""
    faulty = fault.answer if callable(fault.answer) else sends(fault.answer)
    first = [warm]

    async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
        good, first[0] = first[0], False
        await (sends(GOOD) if good else faulty)(request, writer)

    async with raw_server(respond) as api:
        config = configuration(api.base_url)
        config = replace(config, api=replace(ApiSettings(timeout=TIMEOUT), **fault.settings))
        async with served(config) as exporter:
            if warm:
                await exporter.scrape()
                exporter.advance(301)
            yield exporter


async def timed(exporter: Served) -> Exposition:
    began = time.monotonic()
    exposition = await exporter.scrape(X_Prometheus_Scrape_Timeout_Seconds="25")
    assert time.monotonic() - began < 25
    return exposition


def told(exposition: Exposition, caplog: pytest.LogCaptureFixture, pages: str) -> None:
    for shown in (exposition.text, caplog.text, pages):
        assert "planted" not in shown
        assert "Traceback" not in shown


@pytest.mark.parametrize("state", ["cold", "warm", "several scrapes at once"])
@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_costs_what_it_must_and_no_more(name: str, state: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="exporter")
    fault = FAULTS[name]
    async with facing(fault, warm=state != "cold") as exporter:
        caplog.clear()
        scrapes = 3 if state == "several scrapes at once" else 1
        exposition = (await asyncio.gather(*(timed(exporter) for _ in range(scrapes))))[-1]
        pages = (await exporter.http.get("/")).text + (await exporter.http.get("/config")).text
        assert (await exporter.http.get("/-/healthy")).status_code == 200
    told(exposition, caplog, pages)
    series = len(exposition.values("mimecast_awareness_campaign_info"))
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    if fault.reason:
        assert exposition.failures == {fault.reason: 1}
        assert exposition.value("mimecast_up") == 0
        assert series == (0 if state == "cold" else 2)
        assert [record.__dict__.get("reason") for record in warnings] == [fault.reason]
    else:
        assert exposition.failures == {}
        assert exposition.value("mimecast_up") == 1
        assert series == fault.kept


async def unreachable(base_url: str, state: str) -> Exposition:
    """Scrape an exporter whose API cannot be reached; `warm` it could be before."""
    async with raw_server(sends(GOOD)) as api:
        config = configuration(api.base_url)
        async with served(config) as exporter:
            if state == "warm":
                await exporter.scrape()
                exporter.advance(301)
            collector = exporter.service.fleet.collection.accounts["acme"]
            collector._client._url = base_url + "/x"
            return await timed(exporter)


@pytest.mark.parametrize("state", ["cold", "warm"])
async def test_a_name_that_does_not_resolve_and_a_port_that_refuses(state: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        for base_url in ("http://api.mimecast.invalid", f"http://127.0.0.1:{unused.getsockname()[1]}"):
            exposition = await unreachable(base_url, state)
            assert exposition.failures == {"connect": 1}
            assert len(exposition.values(SENT)) == (0 if state == "cold" else 2)


def expired(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    authority.issue_cert("127.0.0.1", not_after=past).configure_cert(context)
    return context


async def test_a_certificate_that_has_expired() -> None:
    async with raw_server(sends(GOOD), expired(trustme.CA())) as api, served(configuration(api.base_url)) as exporter:
        exposition = await timed(exporter)
    assert exposition.failures == {"tls": 1}


async def test_a_hundred_thousand_campaigns_are_read() -> None:
    item = '{"id": "%d", "title": {"title": "Campaign %d"}, "numSent": 5}'
    body = raw_json('{"data": [' + ",".join(item % (number, number) for number in range(100_000)) + "]}")
    fault = Fault(body, settings={"timeout": 60.0})
    async with facing(fault, warm=False) as exporter:
        response = await exporter.http.get("/metrics", timeout=90)
    assert response.text.count("\nmimecast_awareness_campaign_emails_sent{") == 100_000
    assert 'mimecast_awareness_campaigns{account="acme"} 100000\n' in response.text


TOKEN = json_answer({"access_token": "planted", "expires_in": 1799})


async def test_a_token_endpoint_that_is_down_and_a_token_that_expires_while_it_is_used() -> None:
    expired_once = iter([json_answer({"fail": [{"code": "token_expired"}]}, 401)])
    down = iter([http(503)])

    async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
        if request.path == "/oauth/token":
            writer.write(next(down, TOKEN))
        else:
            writer.write(next(expired_once, GOOD))

    async with raw_server(respond) as api:
        config = configuration(api.base_url)
        account = replace(config.accounts[0], credentials=OAuth2Credentials("id", Secret("planted")))
        async with served(replace(config, accounts=(account,))) as exporter:
            first = await timed(exporter)
            assert first.failures == {"server_error": 1}
            exporter.advance(10)
            second = await timed(exporter)
    assert second.value("mimecast_up") == 1
    assert second.value("mimecast_api_requests_total", endpoint="token", code="200") == 2
    assert second.value("mimecast_api_requests_total", endpoint="get-queue", code="401") == 1
    assert "planted" not in first.text + second.text


@pytest.mark.parametrize("jump", [-3600.0, 3600.0, -400 * 86400.0])
async def test_a_wall_clock_that_jumps_changes_no_age(jump: float) -> None:
    async with raw_server(sends(GOOD)) as api, served(configuration(api.base_url)) as exporter:
        await exporter.scrape()
        exporter.wall_clock.advance(jump)
        exposition = await exporter.scrape()
        assert exposition.value("mimecast_cache_hits_total") == 1
        assert len(api.requests) == 1


async def test_the_clock_skew_is_told() -> None:
    dated = json_answer(answer(OLDER), headers={"date": "Mon, 21 Sep 2026 15:13:20 GMT"})
    async with raw_server(sends(dated)) as api, served(configuration(api.base_url)) as exporter:
        exposition = await exporter.scrape()
    assert exposition.value("mimecast_api_clock_skew_seconds") == 1_790_003_600 - 1_790_000_000
