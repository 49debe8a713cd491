"""The server over real sockets: what it answers, what it refuses, and how long anything may take."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from contextvars import Context
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from starlette.types import Receive, Scope, Send

from exporter.http.server.limits import Limits
from exporter.http.server.server import Server
from exporter.http.server.tls import Tls
from tests.http.serving import BRIEF, SampleApp, client_context, connected, request, server_context, serving, target

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, authority: trustme.CA) -> tuple[Tls | None, ssl.SSLContext | None]:
    """The server's and the client's TLS settings: every limit holds with and without."""
    if request.param == "plain":
        return None, None
    return Tls(server_context(authority)), client_context(authority)


Sides = tuple[Tls | None, ssl.SSLContext | None]


@pytest.fixture
async def server(app: SampleApp) -> AsyncIterator[Server]:
    """A plain server with limits no test reaches by being slow."""
    async with serving(app) as running:
        yield running


# What it answers


async def test_an_answer_has_a_date_and_no_banner(server: Server) -> None:
    async with connected(server) as wire:
        status, headers, body = await wire.ask(request())
    assert (status, body) == (200, b"GET /\n")
    assert "date" in headers
    assert "server" not in headers


class RecordingLoop(asyncio.SelectorEventLoop):
    """An event loop that keeps the times at which it was told to wake up."""

    def __init__(self) -> None:
        super().__init__()
        self.timers: list[float] = []

    def call_at(  # type: ignore[override] # the annotations of the original tie the arguments to the callback
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self.timers.append(when)
        return super().call_at(when, callback, *args, context=context)


def test_a_server_without_connections_never_wakes_up() -> None:
    async def idle() -> list[float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, RecordingLoop)
        async with serving(SampleApp()) as server:
            for _ in range(20):
                await asyncio.sleep(0)
            started = list(loop.timers)
            async with connected(server) as wire:
                assert (await wire.ask(request()))[0] == 200
            assert loop.timers, "a connection has timers, so they are seen"
        return started

    with asyncio.Runner(loop_factory=RecordingLoop) as runner:
        assert runner.run(idle()) == []


async def test_httpx_reads_a_large_answer_whole(app: SampleApp, tls: Sides) -> None:
    server_side, client_side = tls
    async with serving(app, tls=server_side) as server, httpx.AsyncClient(verify=client_side or True) as client:
        scheme = "https" if server_side else "http"
        answer = await client.get(f"{scheme}://localhost:{target(server)[1]}/large")
    assert answer.status_code == 200
    assert len(answer.content) == 100 * 256 * 1024


async def test_a_connection_serves_request_after_request(server: Server, app: SampleApp) -> None:
    async with connected(server) as wire:
        for _ in range(3):
            assert (await wire.ask(request()))[0] == 200
    assert app.requests == ["GET /"] * 3


async def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    async with connected(server) as wire:
        await wire.send(request("/") + request("/other") + request("/"))
        assert [(await wire.answer())[0] for _ in range(3)] == [200, 404, 200]


async def test_head_has_the_headers_of_get_and_no_body(server: Server) -> None:
    async with connected(server) as wire:
        await wire.send(request(method="HEAD") + request("/last", "Connection: close"))
        head, _, rest = (await wire.rest()).partition(b"\r\n\r\n")
    assert b"content-length: 7" in head.lower()
    assert rest.startswith(b"HTTP/1.1 404")


async def test_http_1_0_is_answered_and_closed(server: Server) -> None:
    async with connected(server) as wire:
        await wire.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await wire.rest()).endswith(b"GET /\n")


async def test_an_unknown_method_is_refused(server: Server, app: SampleApp) -> None:
    async with connected(server) as wire:
        assert (await wire.ask(request(method="BREW")))[0] == 400
    assert app.requests == []


@pytest.mark.parametrize("offer", ["websocket", "h2c", "TLS/1.2"])
@pytest.mark.parametrize("body", [b"", request("/smuggled")])
async def test_an_offer_to_change_the_protocol_is_ignored_and_its_body_is_a_body(
    server: Server, app: SampleApp, offer: str, body: bytes
) -> None:
    headers = ["Connection: upgrade", f"Upgrade: {offer}", f"Content-Length: {len(body)}"]
    async with connected(server) as wire:
        await wire.send(request("/", *headers, method="POST", body=body) + request("/other"))
        assert [(await wire.answer())[0] for _ in range(2)] == [200, 404]
    assert app.requests == ["POST /", "GET /other"]


@pytest.mark.parametrize("scheme", ["http", "https", "HTTP"])
@pytest.mark.parametrize("rest", ["/", "", "?a=b"])
async def test_an_absolute_target_is_answered_like_one_without_its_authority(
    server: Server, scheme: str, rest: str
) -> None:
    async with connected(server) as wire:
        assert (await wire.ask(request(f"{scheme}://example.org:1{rest}")))[2] == b"GET /\n"


async def test_the_authority_of_an_absolute_target_counts_instead_of_the_host_header() -> None:
    hosts: list[bytes] = []

    async def note_host(scope: Scope, receive: Receive, send: Send) -> None:
        hosts.extend(value for name, value in scope["headers"] if name == b"host")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with serving(note_host) as server, connected(server) as wire:
        await wire.ask(request("http://exporter.example:8080/metrics"))
        await wire.ask(request())
    assert hosts == [b"exporter.example:8080", b"localhost"]


async def test_trailers_are_dropped_and_an_empty_header_is_one(server: Server) -> None:
    body = b"1\r\na\r\n0\r\nHost: other\r\nX: y\r\n\r\n"
    async with connected(server) as wire:
        await wire.send(request("/", "Empty:", "Transfer-Encoding: chunked", method="POST", body=body) + request())
        assert [(await wire.answer())[2] for _ in range(2)] == [b"POST /\n", b"GET /\n"]


async def test_requests_before_a_refused_one_are_answered_first(server: Server, app: SampleApp) -> None:
    async with connected(server) as wire:
        await wire.send(request("/wait") + request() + b"nonsense\r\n\r\n" + request("/never"))
        await app.begun.wait()
        app.waiting.set()
        assert [(await wire.answer())[0] for _ in range(3)] == [200, 200, 400]
        assert await asyncio.wait_for(wire.rest(), 5) == b""
    assert app.requests == ["GET /wait", "GET /"]


async def test_a_body_refused_while_an_earlier_request_waits_is_refused_in_its_turn(app: SampleApp) -> None:
    bad = request("/", "Transfer-Encoding: chunked", method="POST", body=b"no size\r\n")
    async with serving(app) as server, connected(server) as wire:
        await wire.send(request("/wait") + bad)
        await app.begun.wait()
        app.waiting.set()
        assert [(await wire.answer())[0] for _ in range(2)] == [200, 400]
        assert await asyncio.wait_for(wire.rest(), 5) == b""
    assert app.requests == ["GET /wait"]


async def test_a_flood_of_requests_behind_one_that_waits_is_answered_in_order_when_it_is_over(
    server: Server, app: SampleApp
) -> None:
    count = 3_000
    async with connected(server) as wire:
        flood = asyncio.create_task(wire.send(request("/wait") + request("/other") * count))
        await app.begun.wait()
        app.waiting.set()
        answers = [await wire.answer() for _ in range(count + 1)]
        await flood
    assert [body for _, _, body in answers] == [b"GET /wait\n"] + [b"GET /other\n"] * count


async def test_a_client_that_expects_word_before_its_body_gets_it(server: Server) -> None:
    async with connected(server) as wire:
        await wire.send(request("/", "Expect: 100-continue", "Content-Length: 4", method="POST"))
        assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await wire.ask(b"body"))[2] == b"POST /\n"


async def test_empty_lines_are_no_request_and_buy_no_time(app: SampleApp) -> None:
    async with serving(app, limits=Limits(request_time=BRIEF)) as server, connected(server) as wire:
        trickle = asyncio.create_task(_trickle(wire.writer, b"\r\n" * 1000))
        assert await asyncio.wait_for(wire.rest(), 10) == b""
        trickle.cancel()


async def test_ipv6_and_unix_sockets_are_served(app: SampleApp, tmp_path: Path) -> None:
    path = tmp_path / "exporter.sock"
    async with serving(app, ["[::1]:0", f"unix:{path}"]) as server:
        async with connected(server) as wire:
            assert (await wire.ask(request()))[0] == 200
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path))) as client:
            assert (await client.get("http://exporter/")).text == "GET /\n"
    assert not path.exists()


# What it refuses


SMUGGLING = {
    "both lengths": (request("/", "Content-Length: 4", "Transfer-Encoding: chunked", method="POST"), 400),
    "conflicting lengths": (request("/", "Content-Length: 4", "Content-Length: 5", method="POST"), 400),
    "list of lengths": (request("/", "Content-Length: 4, 5", method="POST"), 400),
    "signed length": (request("/", "Content-Length: +4", method="POST"), 400),
    "hexadecimal length": (request("/", "Content-Length: 0x4", method="POST"), 400),
    "endless length": (request("/", "Content-Length: " + "9" * 30, method="POST"), 400),
    "unknown coding": (request("/", "Transfer-Encoding: gzip, chunked", method="POST"), 501),
    "hidden coding": (request("/", "Transfer-Encoding: xchunked", method="POST"), 501),
    "two codings": (request("/", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", method="POST"), 400),
    "coding in 1.0": (b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "space before colon": (request("/", "Transfer-Encoding : chunked", method="POST"), 400),
    "space in front": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (request("/", "Host: other"), 400),
    "zero byte": (b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "zero byte in a header": (request("/", "X: a\0b"), 400),
    "carriage return in a header": (request("/", "X: a\rTransfer-Encoding: chunked"), 400),
    "bad chunk size": (request("/", "Transfer-Encoding: chunked", method="POST", body=b"0x1\r\na\r\n0\r\n\r\n"), 400),
    "space in the target": (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "no request": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/2 in name": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "HTTP/0.9": (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
    "HTTP/0.9 as it was": (b"GET /\r\n", 505),
    "two hosts in 1.0": (b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    "an absolute target without a host": (b"GET http://a/ HTTP/1.1\r\n\r\n", 400),
    "an absolute target without an authority": (request("http:///"), 400),
    "an absolute target with credentials": (request("http://user@a/"), 400),
    "a target of another scheme": (request("ftp://a/"), 400),
    "a fragment": (request("/#a"), 400),
    "every target": (request("*", method="OPTIONS"), 400),
    "a tunnel": (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 50\r\n\r\n", 501),
    "an upgrade with two hosts": (request("/", "Host: b", "Connection: upgrade", "Upgrade: h2c"), 400),
    "a header's line that ends in a line feed alone": (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
}


@pytest.mark.parametrize("shape", SMUGGLING)
async def test_a_request_that_could_be_read_two_ways_is_refused_and_the_connection_closed(
    server: Server, app: SampleApp, shape: str
) -> None:
    data, status = SMUGGLING[shape]
    async with connected(server) as wire:
        assert (await wire.ask(data + request("/smuggled")))[:1] == (status,)
        assert await asyncio.wait_for(wire.rest(), 5) == b""
    assert "GET /smuggled" not in app.requests


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("/", "X: " + "a" * 40_000), 431),
        (request("/", *(f"X-{number}: a" for number in range(4_000))), 431),
        (request("/" + "a" * 40_000), 431),
        (b"GET /" + b"a" * 300_000, 431),
        (request("/", "X: " + "a" * 3_000_000), 431),
        (request("/", f"Content-Length: {64 * 1024 + 1}", method="POST"), 413),
        (request("/", "Content-Length: 1000000000000", "Expect: 100-continue", method="POST"), 413),
        (request("/", "Content-Length: 70000", method="HEAD", body=b"a" * 70_000), 413),
    ],
)
async def test_what_is_too_large_is_refused_by_its_name(
    server: Server, app: SampleApp, data: bytes, status: int
) -> None:
    async with connected(server) as wire:
        wire.writer.write(data)
        head = await wire.reader.readline()
        assert head.split()[1] == str(status).encode()
    assert app.requests == []


async def test_a_chunked_body_is_bounded_too(server: Server, app: SampleApp) -> None:
    async with connected(server) as wire:
        await wire.send(request("/", "Transfer-Encoding: chunked", method="POST"))
        for _ in range(5):
            await wire.send(b"4000\r\n" + b"a" * 0x4000 + b"\r\n")
        status, headers, _ = await wire.answer()
    assert (status, headers["connection"], app.requests) == (413, "close", [])


async def test_a_body_that_is_not_read_leaves_the_connection_usable(server: Server) -> None:
    async with connected(server) as wire:
        body = b"a" * 60_000
        await wire.send(request("/", f"Content-Length: {len(body)}", method="POST", body=body) + request("/"))
        assert (await wire.answer())[2] == b"POST /\n"
        assert (await wire.answer())[2] == b"GET /\n"


@pytest.mark.parametrize("path", ["/../", "//", "/.", "/%2e%2e/", "/wait%00", "/%ff", "http://evil.example//", "/;a"])
async def test_path_tricks_reach_no_other_route(server: Server, app: SampleApp, path: str) -> None:
    async with connected(server) as wire:
        assert (await wire.ask(request(path)))[0] == 404


# How long anything may take


async def last_words(server: Server, sent: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """What the server says until it closes a connection on which `sent` is all that ever comes."""
    async with connected(server, tls=tls) as wire:
        await wire.send(sent)
        return await asyncio.wait_for(wire.rest(), 10)


async def test_half_a_request_is_answered_408_when_its_time_is_over(app: SampleApp, tls: Sides) -> None:
    limits = Limits(request_time=BRIEF, linger_time=0.1)
    async with serving(app, limits=limits, tls=tls[0]) as server:
        said = await last_words(server, b"GET / HTTP/1.1\r\nHost: loc", tls[1])
    assert said.startswith(b"HTTP/1.1 408 ")


async def test_headers_that_trickle_in_get_no_more_time(app: SampleApp) -> None:
    async with serving(app, limits=Limits(request_time=BRIEF, linger_time=0.1)) as server, connected(server) as wire:
        trickle = asyncio.create_task(_trickle(wire.writer, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000))
        assert (await asyncio.wait_for(wire.rest(), 10)).startswith(b"HTTP/1.1 408 ")
        trickle.cancel()


async def _trickle(writer: asyncio.StreamWriter, data: bytes) -> None:
    for byte in data:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.02)


async def test_a_connection_that_says_nothing_is_closed(app: SampleApp, tls: Sides) -> None:
    async with serving(app, limits=Limits(request_time=BRIEF), tls=tls[0]) as server:
        said = await last_words(server, b"", tls[1])
    assert said == b""


async def test_a_body_that_does_not_come_ends_the_connection(app: SampleApp) -> None:
    limits = Limits(request_time=BRIEF, linger_time=0.1)
    async with serving(app, limits=limits) as server:
        said = await last_words(server, request("/", "Content-Length: 9", method="POST", body=b"half"))
    assert said.startswith(b"HTTP/1.1 408 ")


async def test_an_idle_connection_is_closed_after_its_own_time(app: SampleApp) -> None:
    limits = Limits(request_time=0.1, idle_time=1.0)
    async with serving(app, limits=limits) as server, connected(server) as wire:
        assert (await wire.ask(request()))[0] == 200
        await asyncio.sleep(0.3)  # longer than a request may take, shorter than a pause
        assert (await wire.ask(request()))[0] == 200
        assert await asyncio.wait_for(wire.rest(), 10) == b""


async def test_a_further_half_request_is_bounded_like_the_first(app: SampleApp) -> None:
    limits = Limits(request_time=BRIEF, idle_time=30, linger_time=0.1)
    async with serving(app, limits=limits) as server, connected(server) as wire:
        assert (await wire.ask(request()))[0] == 200
        await wire.send(b"GET / HT")
        assert (await asyncio.wait_for(wire.rest(), 10)).startswith(b"HTTP/1.1 408 ")


async def test_a_reader_that_stalls_is_cut_off_and_costs_few_slices(app: SampleApp, tls: Sides) -> None:
    limits = Limits(stall_time=BRIEF)
    async with serving(app, limits=limits, tls=tls[0]) as server, connected(server, tls=tls[1], slow=True) as wire:
        await wire.send(request("/large"))
        await asyncio.sleep(BRIEF / 2)
        assert app.slices < 50  # of 100; the kernel's buffers hold some megabytes
        assert not server.is_over
        await _gone(server, app)


async def _gone(server: Server, app: SampleApp) -> None:
    """The answer has begun, and its connection is no more."""
    async with asyncio.timeout(10):
        await app.begun.wait()
        while not server.is_over:
            await asyncio.sleep(0.01)


async def test_a_reader_of_a_few_bytes_at_a_time_is_bounded_by_the_time_of_an_answer(app: SampleApp) -> None:
    limits = Limits(stall_time=30, response_time=BRIEF)
    async with serving(app, limits=limits) as server, connected(server, slow=True) as wire:
        await wire.send(request("/large"))
        async with asyncio.timeout(10):
            await app.begun.wait()
            while not server.is_over:
                await wire.reader.read(1000)
                await asyncio.sleep(0.01)


async def test_small_responses_that_are_not_read_are_cut_off_although_complete(app: SampleApp) -> None:
    async with serving(app, limits=Limits(stall_time=BRIEF)) as server, connected(server, slow=True) as wire:
        await wire.ask(request())
        sent, asking = 1, True
        async with asyncio.timeout(60):
            while asking:
                wire.writer.write(request() * 16)
                sent += 16
                while asking and len(app.requests) < sent:
                    await asyncio.sleep(0)
                    asking = not server.is_over
    assert len(app.requests) < sent


async def test_closing_does_not_wait_for_a_reader_that_stalls(app: SampleApp, tls: Sides) -> None:
    limits = Limits(stall_time=BRIEF, idle_time=0.05)
    async with serving(app, limits=limits, tls=tls[0]) as server, connected(server, tls=tls[1], slow=True) as wire:
        await wire.send(request("/large", "Connection: close"))
        await _gone(server, app)


async def test_idle_clients_in_the_tls_handshake_block_no_other_client(app: SampleApp, authority: trustme.CA) -> None:
    async with serving(app, tls=Tls(server_context(authority))) as server, AsyncExitStack() as stack:
        for _ in range(20):
            await stack.enter_async_context(connected(server))
        async with connected(server, tls=client_context(authority)) as wire:
            assert (await wire.ask(request()))[0] == 200


# New TLS settings


async def test_new_tls_settings_hold_for_the_next_connection(app: SampleApp, authority: trustme.CA) -> None:
    strict = server_context(authority)
    strict.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(strict)
    client = client_context(authority)
    async with serving(app, tls=Tls(server_context(authority))) as server, connected(server, tls=client) as before:
        await before.send(request("/wait"))
        await app.begun.wait()
        await server.replace_tls(Tls(strict))
        app.waiting.set()
        status, headers, _ = await before.answer()
        assert (status, headers["connection"]) == (200, "close")
        async with connected(server, tls=client) as after:
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await after.ask(request())
        authority.issue_cert("prometheus.example").configure_cert(client)
        async with connected(server, tls=client) as after:
            assert (await after.ask(request()))[0] == 200


async def test_an_idle_connection_does_not_outlive_its_tls_settings(app: SampleApp, authority: trustme.CA) -> None:
    client = client_context(authority)
    async with serving(app, tls=Tls(server_context(authority))) as server, connected(server, tls=client) as idle:
        await idle.ask(request())
        await server.replace_tls(Tls(server_context(authority)))
        assert await asyncio.wait_for(idle.rest(), 5) == b""


async def test_a_connection_whose_request_is_under_way_gets_its_answer(app: SampleApp) -> None:
    async with serving(app) as server, connected(server) as wire:
        await wire.send(b"GET / HT")
        await asyncio.sleep(0.05)  # the server has accepted
        await server.replace_tls(None)
        status, headers, _ = await wire.ask(b"TP/1.1\r\nHost: localhost\r\n\r\n")
        assert (status, headers["connection"]) == (200, "close")


async def test_no_connection_is_refused_while_settings_change(app: SampleApp) -> None:
    async with serving(app) as server:
        for _ in range(20):
            change = asyncio.create_task(server.replace_tls(None))
            async with connected(server) as wire:
                assert (await wire.ask(request()))[0] == 200
            await change


async def test_a_certificate_that_is_not_admitted_gets_no_answer(app: SampleApp, authority: trustme.CA) -> None:
    context = server_context(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    welcome = Tls(context, allowed_names=["welcome.example"])
    async with serving(app, tls=welcome) as server:
        stranger = client_context(authority)
        authority.issue_cert("stranger.example").configure_cert(stranger)
        async with connected(server, tls=stranger) as wire:
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await wire.ask(request())
        friend = client_context(authority)
        authority.issue_cert("welcome.example").configure_cert(friend)
        async with connected(server, tls=friend) as wire:
            assert (await wire.ask(request()))[0] == 200
    assert app.requests == ["GET /"]
