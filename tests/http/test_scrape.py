"""Scrapes from outside in: a real server, a real API on loopback, clocks that the test moves."""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from exporter.accounts.status import ACCOUNT_FAMILIES, COLLECTOR_FAMILIES, LOOKUP_FAMILIES
from exporter.cli.loading import catalog
from exporter.collectors import COLLECTORS
from exporter.collectors.campaigns import CAMPAIGNS
from exporter.exposition.family import Family
from exporter.exposition.text import CONTENT_TYPES
from exporter.http.handlers.state import HandlerOptions
from tests.exposition.test_negotiation import PROMETHEUS_2
from tests.rawserver import Received, http, json_answer, raw_server, sends
from tests.serving import configuration, served
from tests.vendor_samples import NEWER, OLDER, answer

pytestmark = pytest.mark.anyio

SENT = "mimecast_awareness_campaign_emails_sent"
GOOD = json_answer(answer(OLDER, NEWER))


async def test_every_metric_of_the_tables_is_served() -> None:
    three = {"forQuestion1": 80}
    whole = NEWER | {"numCorrect": 80, "title": {"title": "Whole", "correctAnswers": three}}
    headers = {
        "x-ratelimit-limit": "9",
        "x-ratelimit-remaining": "8",
        "x-ratelimit-reset": "1",
        "date": "Tue, 24 Nov 2026 12:00:00 GMT",
    }
    async with (
        raw_server(sends(json_answer(answer(whole), headers=headers))) as api,
        served(configuration(api.base_url)) as exporter,
    ):
        exposition = await exporter.scrape()
    tables: list[Family[Any]] = [*CAMPAIGNS.families, *ACCOUNT_FAMILIES, *COLLECTOR_FAMILIES, *LOOKUP_FAMILIES]
    assert {family.name for family in tables} <= exposition.names
    assert {"mimecast_exporter_build_info", "process_cpu_seconds_total", "python_info"} <= exposition.names
    assert exposition.value("mimecast_exporter_config_last_reload_successful") == 1
    assert exposition.value("mimecast_exporter_config_last_reload_success_timestamp_seconds") == 1_790_000_000
    samples = [sample for family in text_string_to_metric_families(exposition.text) for sample in family.samples]
    assert [sample for sample in samples if sample.timestamp is not None] == []


async def test_the_vendors_samples_go_through_http_and_come_out_field_by_field() -> None:
    async with raw_server(sends(GOOD)) as api, served(configuration(api.base_url)) as exporter:
        exposition = await exporter.scrape()
    older, newer = {"account": "acme", "title": "Older sample"}, {"account": "acme", "title": "Newer fields"}
    prefix = "mimecast_awareness_campaign_"
    expected = [
        (older, "emails_sent", {}, 5),
        (older, "users_completed", {}, 5),
        (older, "users_correct", {}, 4),
        (older, "correct_answers", {}, None),
        (older, "answers", {"option": "1"}, 1),
        (older, "answers", {"option": "2"}, 0),
        (older, "answers", {"option": "3"}, 4),
        (older, "answers", {"option": "4"}, 0),
        (older, "launch_timestamp_seconds", {}, 1641943920),
        (older, "locked", {}, 1),
        (older, "assign_to_new_users", {}, 1),
        (older, "email_customized", {}, 1),
        (older, "implausible", {}, 0),
        (older, "info", {"custom_module": "false", "custom_content": "true", "correct_option": "3"}, 1),
        (newer, "emails_sent", {}, 120),
        (newer, "users_completed", {}, 90),
        (newer, "users_correct", {}, None),
        (newer, "correct_answers", {"question": "1"}, 80),
        (newer, "correct_answers", {"question": "2"}, 75),
        (newer, "correct_answers", {"question": "3"}, 60),
        (newer, "answers", {"option": "1"}, 80),
        (newer, "launch_timestamp_seconds", {}, 1772352000),
        (newer, "locked", {}, 0),
        (newer, "assign_to_new_users", {}, 0),
        (newer, "email_customized", {}, 0),
        (newer, "implausible", {}, 0),
        (newer, "info", {"custom_module": "true", "custom_content": "false", "correct_option": ""}, 1),
    ]
    for campaign, name, labels, value in expected:
        assert exposition.value(prefix + name, **campaign, **labels) == value, (campaign, name, labels)


async def test_ten_simultaneous_scrapes_of_a_cold_cache_make_one_call() -> None:
    gate = asyncio.Event()

    async def gated(request: Received, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await sends(GOOD)(request, writer)

    async with raw_server(gated) as api, served(configuration(api.base_url)) as exporter:
        scrapes = [asyncio.create_task(exporter.scrape()) for _ in range(10)]
        counted = exporter.app.registry.lookups["campaigns"]
        while counted.requests < 10:
            await asyncio.sleep(0.01)
        gate.set()
        expositions = await asyncio.gather(*scrapes)
        assert len(api.requests) == 1
    assert all(exposition.value(SENT, title="Older sample") == 5 for exposition in expositions)


async def test_a_scrape_within_the_time_to_live_makes_no_call_and_one_after_it_makes_one() -> None:
    async with raw_server(sends(GOOD)) as api, served(configuration(api.base_url, ttl=300)) as exporter:
        await exporter.scrape()
        exporter.advance(299)
        exposition = await exporter.scrape()
        assert len(api.requests) == 1
        assert exposition.value("mimecast_cache_hits_total") == 1
        exporter.advance(1)
        await exporter.scrape()
        assert len(api.requests) == 2


async def test_a_failing_api_leaves_the_last_series_until_they_are_too_old() -> None:
    async with raw_server(sends(GOOD, http(500))) as api:
        async with served(configuration(api.base_url, ttl=300, max_stale=3600)) as exporter:
            good = await exporter.scrape()
            assert good.value("mimecast_up") == 1
            exporter.advance(3899)
            stale = await exporter.scrape()
            assert stale.value("mimecast_up") == 0
            assert stale.value(SENT, title="Older sample") == 5
            assert stale.value("mimecast_data_timestamp_seconds") == 1_790_000_000
            assert stale.value("mimecast_cache_stale_served_total") == 1
            exporter.advance(1)
            ended = await exporter.scrape()
    assert ended.values(SENT) == []
    assert ended.value("mimecast_up") == 0
    assert ended.value("mimecast_data_timestamp_seconds") is None
    assert ended.value("mimecast_awareness_campaigns") is None


async def test_a_rate_limit_of_three_seconds_is_followed_by_no_call_for_three_seconds() -> None:
    refused = http(429, headers={"x-ratelimit-reset": "3000"})
    async with raw_server(sends(refused, GOOD)) as api, served(configuration(api.base_url, ttl=0)) as exporter:
        assert (await exporter.scrape()).failures == {"rate_limited": 1}
        exporter.advance(2.99)
        await exporter.scrape()
        assert len(api.requests) == 1
        exporter.advance(0.01)
        assert (await exporter.scrape()).value("mimecast_up") == 1
        assert len(api.requests) == 2


FAILURES = {
    "a wrong secret": (json_answer({"fail": [{"errors": [{"code": "err_xdk_invalid_signature"}]}]}, 401), "auth"),
    "an HTML page": (http(200, b"<html>planted</html>", {"content-type": "text/html"}), "invalid_response"),
    "a fail on 200": (json_answer(answer(fail=[{"errors": [{"code": "other", "message": "planted"}]}])), "api_error"),
    "a body of 70 MB": (http(200, b'{"data": [' + b" " * 70_000_000 + b"]}"), "too_large"),
    "a body cut short": (http(200, b'{"da', {"content-length": "999"}), "invalid_response"),
    "no answer": (b"", "connect"),
}


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
@pytest.mark.parametrize("name", FAILURES)
async def test_each_failure_has_its_reason_loses_nothing_and_tells_no_secret(
    name: str, warm: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answering, reason = FAILURES[name]
    answers = [GOOD, answering] if warm else [answering]
    async with raw_server(sends(*answers)) as api, served(configuration(api.base_url)) as exporter:
        if warm:
            await exporter.scrape()
            exporter.advance(301)
        exposition = await exporter.scrape()
        pages = [await exporter.http.get(path) for path in ("/", "/config")]
    assert exposition.failures == {reason: 1}
    assert exposition.value("mimecast_up") == 0
    assert exposition.value(SENT, title="Older sample") == (5 if warm else None)
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [getattr(record, "reason", None) for record in warnings] == [reason]
    shown = exposition.text + caplog.text + "".join(page.text for page in pages)
    assert "planted" not in shown
    assert "cGxhbnRlZA" not in shown


async def test_an_unreachable_host_has_its_reason() -> None:
    async with served(configuration("http://api.mimecast.invalid")) as exporter:
        exposition = await exporter.scrape()
    assert exposition.failures == {"connect": 1}
    assert exposition.value("mimecast_api_requests_total", endpoint="get-queue", code="none") == 1


async def test_a_failure_that_goes_on_is_warned_of_once_and_a_new_one_again(caplog: pytest.LogCaptureFixture) -> None:
    async with raw_server(sends(http(500), http(500), http(403), GOOD, http(403))) as api:
        async with served(configuration(api.base_url, ttl=0)) as exporter:
            for _ in range(5):
                await exporter.scrape()
                exporter.advance(600)
            assert len(api.requests) == 5
    warned = [record.__dict__["reason"] for record in caplog.records if record.levelno == logging.WARNING]
    assert warned == ["server_error", "permission", "permission"]


async def slow(_: Received, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(1.5)
    writer.write(GOOD)


async def test_a_scrape_whose_deadline_is_near_is_answered_with_what_is_there() -> None:
    async with raw_server(slow) as api, served(configuration(api.base_url)) as exporter:
        late = await exporter.scrape(X_Prometheus_Scrape_Timeout_Seconds="0.6")
        assert late.values(SENT) == []
        assert late.value("mimecast_up") == 0
        assert late.failures == {}
        nothing_left = await exporter.scrape(X_Prometheus_Scrape_Timeout_Seconds="0.1")
        assert nothing_left.values(SENT) == []
        assert (await exporter.scrape()).value(SENT, title="Older sample") == 5
        assert len(api.requests) == 1


async def test_a_client_that_hangs_up_cancels_nothing() -> None:
    asked = asyncio.Event()

    async def slow_and_seen(request: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await slow(request, writer)

    async with raw_server(slow_and_seen) as api, served(configuration(api.base_url)) as exporter:
        hangs_up = asyncio.create_task(exporter.scrape())
        await asked.wait()
        hangs_up.cancel()
        assert (await exporter.scrape()).value(SENT, title="Older sample") == 5
        assert len(api.requests) == 1


async def test_several_accounts_are_one_exposition_and_a_dead_one_delays_no_other() -> None:
    async def one_is_silent(request: Received, writer: asyncio.StreamWriter) -> None:
        if request.headers["x-mc-app-id"] == "silent":
            await asyncio.sleep(3)
        else:
            await sends(GOOD)(request, writer)

    async with raw_server(one_is_silent) as api:
        async with served(configuration(api.base_url, "acme", "silent", "globex")) as exporter:
            exposition = await exporter.scrape(X_Prometheus_Scrape_Timeout_Seconds="1")
    assert len(exposition.values(SENT, account="acme")) == 2
    assert len(exposition.values(SENT, account="globex")) == 2
    assert exposition.value("mimecast_up", account="silent") == 0
    assert exposition.text.count(f"# TYPE {SENT} gauge\n") == 1


@pytest.fixture(params=["text", "openmetrics"])
def accept(request: pytest.FixtureRequest) -> str:
    return PROMETHEUS_2 if request.param == "openmetrics" else "text/plain"


async def test_what_is_packed_is_one_gzip_member_and_holds_what_is_not_packed(accept: str) -> None:
    async with raw_server(sends(GOOD)) as api, served(configuration(api.base_url)) as exporter:
        headers = {"accept": accept, "accept-encoding": "gzip"}
        for _ in range(2):
            async with exporter.http.stream("GET", "/metrics", headers=headers) as response:
                packed = b"".join([chunk async for chunk in response.aiter_raw()])
            plain = await exporter.http.get("/metrics", headers={"accept": accept, "accept-encoding": "identity"})
            unpacker = zlib.decompressobj(wbits=31)
            text = unpacker.decompress(packed).decode()
            assert unpacker.eof
            assert unpacker.unused_data == b""
            assert response.headers["content-encoding"] == "gzip"
            assert "content-encoding" not in plain.headers
            assert campaigns_of(text) == campaigns_of(plain.text) != []
            assert plain.headers["content-type"] == response.headers["content-type"]
            assert plain.headers["content-type"] in CONTENT_TYPES.values()
    assert text.endswith("# EOF\n") is ("openmetrics" in response.headers["content-type"])
    assert text.count("# EOF") in (0, 1)


def campaigns_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("mimecast_awareness_campaign_")]


async def test_openmetrics_is_what_the_librarys_strict_parser_reads() -> None:
    async with raw_server(sends(GOOD)) as api, served(configuration(api.base_url, "acme", "globex")) as exporter:
        response = await exporter.http.get("/metrics", headers={"accept": PROMETHEUS_2})
    families = {family.name: family for family in parse_openmetrics(response.text)}
    assert families["mimecast_api_requests"].type == "counter"
    assert len(families[SENT].samples) == 4


async def test_head_answers_as_get_without_a_body() -> None:
    async with raw_server(sends(GOOD)) as api, served(configuration(api.base_url)) as exporter:
        for path in ("/metrics", "/", "/-/healthy"):
            response = await exporter.http.head(path)
            assert response.status_code == 200
            assert response.content == b""
            assert int(response.headers["content-length"]) > 0


async def test_collecting_the_exporter_alone_fetches_nothing() -> None:
    async with raw_server(sends(GOOD)) as api, served(configuration(api.base_url)) as exporter:
        exposition = await exporter.scrape("/metrics?collect[]=exporter")
        assert api.requests == []
        assert "account=" not in exposition.text
        assert "mimecast_exporter_build_info" in exposition.names
        refused = await exporter.http.get("/metrics?collect[]=other")
        assert refused.status_code == 400
        assert refused.text == f"unknown collector 'other': collect[] takes {', '.join(COLLECTORS)}, exporter\n"


async def test_a_probe_serves_one_account_and_says_whether_it_succeeded() -> None:
    async with raw_server(sends(GOOD)) as api, served(configuration(api.base_url, "acme", "globex")) as exporter:
        exposition = await exporter.scrape("/probe?target=globex")
        assert len(api.requests) == 1
        openmetrics = await exporter.http.get("/probe?target=globex", headers={"accept": PROMETHEUS_2})
    assert exposition.value("probe_success") == 1
    assert exposition.value("probe_duration_seconds") is not None
    assert exposition.value(SENT, account="globex", title="Older sample") == 5
    assert exposition.value("mimecast_up", account="globex") == 1
    assert 'account="acme"' not in exposition.text
    assert "process_cpu_seconds_total" not in exposition.names
    assert {family.name for family in parse_openmetrics(openmetrics.text)} >= {"probe_success", "mimecast_up"}


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("?target=", 400), ("?target=acme&target=globex", 400), ("?target=nobody", 404),
                          ("?target=http://127.0.0.1/", 404)]
)  # fmt: skip
async def test_a_probe_of_no_configured_account_is_refused_in_one_plain_line(query: str, status: int) -> None:
    async with served(configuration("http://api.mimecast.invalid", "acme", "globex")) as exporter:
        response = await exporter.http.get("/probe" + query)
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text.count("\n") == 1


async def test_service_discovery_lists_every_account_as_a_target_of_its_own() -> None:
    async with served(configuration("http://api.mimecast.invalid", "acme", "globex")) as exporter:
        groups = (await exporter.http.get("/sd")).json()
        address = str(exporter.http.base_url).removeprefix("http://").rstrip("/")
    assert groups == [
        {
            "targets": [address],
            "labels": {
                "__scheme__": "http",
                "__metrics_path__": "/probe",
                "__param_target": name,
                "instance": name,
            },
        }
        for name in ("acme", "globex")
    ]


async def test_service_discovery_names_the_external_url_where_there_is_one() -> None:
    options = HandlerOptions(external_url="https://monitoring.example.com/mimecast")
    async with served(configuration("http://api.mimecast.invalid"), options) as exporter:
        (group,) = (await exporter.http.get("/sd")).json()
    assert group["targets"] == ["monitoring.example.com:443"]
    assert group["labels"]["__scheme__"] == "https"
    assert group["labels"]["__metrics_path__"] == "/mimecast/probe"


@pytest.mark.parametrize("host", ["acme:99999", "acme:port", "[", "[::1", "]", "", "a b", "u@acme:1", "acme/path", "é"])
async def test_service_discovery_refuses_a_host_that_is_no_address(host: str) -> None:
    async with served(configuration("http://api.mimecast.invalid")) as exporter:
        response = await exporter.http.get("/sd", headers=[(b"Host", host.encode())])
    assert (response.status_code, response.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert "--web.external-url" in response.text


@pytest.mark.parametrize("host", ["exporter", "exporter:", "[::1]:10587", "exporter.example.com:10587"])
async def test_service_discovery_names_the_host_of_the_request(host: str) -> None:
    async with served(configuration("http://api.mimecast.invalid")) as exporter:
        (group,) = (await exporter.http.get("/sd", headers={"Host": host})).json()
    assert group["targets"] == [host if "587" in host else "exporter:80"]


async def test_health_does_not_depend_on_the_api() -> None:
    async with served(configuration("http://api.mimecast.invalid")) as exporter:
        for path in ("/-/healthy", "/-/ready"):
            assert (await exporter.http.get(path)).status_code == 200


async def test_only_what_is_offered_is_served() -> None:
    async with served(configuration("http://api.mimecast.invalid")) as exporter:
        assert (await exporter.http.get("/metrics/")).status_code in (404, 307)
        assert (await exporter.http.get("/anything")).status_code == 404
        assert (await exporter.http.post("/metrics")).status_code == 405
        assert (await exporter.http.get("/-/reload")).status_code == 405
        assert (await exporter.http.post("/-/reload")).status_code == 403


async def test_the_metrics_path_can_be_moved() -> None:
    options = HandlerOptions(telemetry_path="/custom")
    async with raw_server(sends(GOOD)) as api, served(configuration(api.base_url), options) as exporter:
        assert (await exporter.scrape("/custom")).value(SENT, title="Older sample") == 5
        assert (await exporter.http.get("/metrics")).status_code == 404
        assert 'href="custom"' in (await exporter.http.get("/")).text


async def test_pages_escape_what_they_show_and_allow_no_script() -> None:
    config = configuration("http://api.mimecast.invalid", "<script>alert(1)</script>")
    async with served(config) as exporter:
        await exporter.scrape()
        page = await exporter.http.get("/")
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "down: connect" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_implausible_counts_are_warned_of_once_a_refresh_and_name_the_setting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wrong = NEWER | {"title": {"title": "Key", "correctAnswers": {"forQuestion1": 3}}}
    async with raw_server(sends(json_answer(answer(wrong, wrong | {"id": "b"})))) as api:
        async with served(configuration(api.base_url)) as exporter:
            exposition = await exporter.scrape()
    assert exposition.values("mimecast_awareness_campaign_implausible") == [1, 1]
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "correct_answers" in warning.getMessage()


async def test_the_first_success_and_a_recovery_are_logged_and_no_other_refresh_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with raw_server(sends(GOOD, GOOD, http(500), GOOD)) as api:
        async with served(configuration(api.base_url, ttl=0)) as exporter:
            for _ in range(4):
                await exporter.scrape()
                exporter.advance(600)
    lines = [record.__dict__ for record in caplog.records if record.getMessage() == "refreshed"]
    assert len(lines) == 2
    line = lines[0]
    assert (line["account"], line["collector"], line["records"]) == ("acme", "campaigns", 2)
    assert line["bytes"] == len(json.dumps(answer(OLDER, NEWER)))


async def test_a_scrape_that_names_no_timeout_waits_for_the_default_one() -> None:
    never = asyncio.Event()

    async def hangs(_: Received, writer: asyncio.StreamWriter) -> None:
        await never.wait()

    async with raw_server(hangs) as api:
        async with served(configuration(api.base_url), HandlerOptions(default_scrape_timeout=0.05)) as exporter:
            exposition = await exporter.scrape()
        never.set()
    assert exposition.value("mimecast_up") == 0
    assert exposition.failures == {}


async def test_a_filter_by_name_is_refused_instead_of_being_ignored() -> None:
    async with served(configuration("http://api.mimecast.invalid")) as exporter:
        response = await exporter.http.get("/metrics?name[]=mimecast_up")
    assert response.status_code == 400
    assert "collect[]" in response.text


async def test_every_label_of_a_probe_is_reserved_so_that_no_target_label_hides_it() -> None:
    async with raw_server(sends(GOOD)) as api, served(configuration(api.base_url)) as exporter:
        exposition = await exporter.scrape("/probe?target=acme")
    families = text_string_to_metric_families(exposition.text)
    assert {label for family in families for sample in family.samples for label in sample.labels} <= catalog().labels
