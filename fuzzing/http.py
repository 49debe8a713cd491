"""Feed raw bytes to a connection: it sends whole answers only, none unasked, none after a refusal, however cut."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Any

import h11
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

from exporter.http.server.connection import Connection, Connections
from exporter.http.server.limits import Limits
from exporter.http.server.server import uvicorn_config

_GET = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
_CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
SEEDS = [
    _GET + b"\r\n",
    (_GET + b"\r\n") * 3,
    b"HEAD / HTTP/1.0\r\n\r\n",
    b"POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + _GET + b"\r\n",
    _CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
    _CHUNKED + b"5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\n" + _GET + b"\r\n",
    _CHUNKED + b"zz\r\n" + _GET + b"\r\n",
    _GET + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n" + _GET + b"\r\n",
    _GET + b"Connection: close\r\n\r\n" + _GET + b"\r\n",
    _GET + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 39\r\n\r\n" + _GET + b"\r\n",
    b"GET http://b/metrics?a=b HTTP/1.1\r\nHost: a\r\n\r\n" + _GET + b"\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" + _GET + b"\r\n",
    _GET + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\na",
    _GET + b"\r\nGET /bad HTTP/1.1\r\n\r\n" + _GET + b"\r\n",
]
WORDS = [
    b"\r\n", b"\r\n\r\n", b"Host: a\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n", b"HTTP/1.0", b"HTTP/2.0", b"CONNECT ", b"HEAD ", b"0\r\n\r\n", b"\n", b" \r\n",
    b"Connection: close\r\n", b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"Expect: 100-continue\r\n",
    b"PRI * HTTP/2.0\r\n\r\n", _GET + b"\r\n",
]  # fmt: skip
_INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
#: Turns of the event loop without anything to do after which nothing more will happen.
_TURNS = 12
_LONGEST = 4096
LIMITS = Limits(linger_time=0.0)

Asked = tuple[str, bytes, bytes, int]


class _Application:
    """Answers with the number of the request; notes what it was asked, and how long the body was that it read."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        number, length = len(self.asked), 0
        self.asked.append((scope["method"], scope["raw_path"], scope["query_string"], -1))
        message: Any = {"type": "http.request", "more_body": True}
        while message["type"] == "http.request" and message.get("more_body"):
            message = await receive()
            length += len(message.get("body", b""))
        if message["type"] == "http.disconnect":
            return
        self.asked[number] = (*self.asked[number][:3], length)
        body = str(number).encode()
        headers = [(b"content-length", str(len(body)).encode()), (b"x-number", body)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def converse(pieces: Sequence[bytes], limits: Limits) -> tuple[list[Asked], bytes]:
    """Return what the application was asked, and what came back, when the bytes arrive in these pieces."""
    loop, faults = asyncio.get_running_loop(), list[Any]()
    loop.set_exception_handler(lambda _, context: faults.append(context))
    application, connections = _Application(), Connections(limits)
    config = uvicorn_config(application, connections)
    config.load()
    state = uvicorn.Server(config).server_state
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    await loop.connect_accepted_socket(
        lambda: Connection(connections=connections, config=config, server_state=state, app_state={}), theirs
    )
    received = b""
    for piece in pieces:
        try:
            await loop.sock_sendall(ours, piece)
        except ConnectionError:
            break  # it has closed
        await _settle()
    try:
        ours.shutdown(socket.SHUT_WR)
        async for piece in _received(loop, ours):
            received += piece
    except OSError:
        pass  # it closed with bytes unread
    ours.close()
    await _settle()
    assert not faults, faults
    assert not connections.open, "the connection is not closed"
    assert not connections.answers, "an answer is still being prepared after the connection ended"
    return application.asked, received


async def _settle() -> None:
    """Let the loop turn until nothing more happens by itself."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def _received(loop: asyncio.AbstractEventLoop, ours: socket.socket) -> AsyncIterator[bytes]:
    while piece := await asyncio.wait_for(loop.sock_recv(ours, 65536), 10):
        yield piece


def _answers(received: bytes, methods: Sequence[str]) -> list[tuple[int, bytes]]:
    """Status and body of each answer, as another library reads them; raises where one is not whole."""
    answers: list[tuple[int, bytes]] = []
    for method in itertools.chain(methods, itertools.repeat("GET")):
        if not received:
            return answers
        client = h11.Connection(h11.CLIENT)
        # To CONNECT, h11 would read a tunnel; this server has none, and answers as to anything else.
        client.send(h11.Request(method="HEAD" if method == "HEAD" else "GET", target="/", headers=[("host", "a")]))
        client.send(h11.EndOfMessage())
        client.receive_data(received)
        status, body = 0, b""
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            assert event is not h11.NEED_DATA, "an answer is not whole"
            status = event.status_code if isinstance(event, h11.Response) else status
            body += bytes(event.data) if isinstance(event, h11.Data) else b""
        answers.append((status, body))
        received = client.trailing_data[0]
    return answers


def outcome(
    pieces: Sequence[bytes], limits: Limits = LIMITS, *, exact: bool = False
) -> tuple[list[Asked], list[tuple[int, bytes]]]:
    """Return what was asked and what was answered; raise AssertionError when the two do not fit.

    Args:
        pieces: the bytes as they arrive.
        limits: those of the connection.
        exact: tell refusals apart. Of a request with two faults it depends on the cut which one is seen first.

    """
    # What comes whole is served by asyncio's loop, what comes in pieces by the one that the exporter runs on.
    loop = asyncio.new_event_loop if len(pieces) == 1 else uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop) as runner:
        asked, received = runner.run(converse(pieces, limits))
    answers = _answers(received.removesuffix(_INTERIM), [method for method, *_ in asked])
    good = [int(body or -1) for status, body in answers if status == 200]
    assert len(good) <= len(asked), "an answer nobody asked for"
    assert all(number in (place, -1) for place, number in enumerate(good)), "answers out of order"
    assert all(status == 200 for status, _ in answers[:-1]), "something is answered after a refusal"
    assert {status for status, _ in answers} <= {200, 400, 413, 431, 501, 505}
    return asked, answers if exact else [answer if answer[0] == 200 else (400, b"") for answer in answers]


def cuts(data: bytes) -> list[list[bytes]]:
    """Whole, byte by byte where that is short, in two, and in sevenths."""
    size = max(len(data) // 7, 1)
    where = sum(data) % max(len(data), 1)
    cuts = [[data[:where], data[where:]], [data[at : at + size] for at in range(0, len(data), size)]]
    return [*cuts, [data[at : at + 1] for at in range(len(data))]] if len(data) <= 160 else cuts


def hold(data: bytes) -> None:
    """Send the bytes at once, and cut in several ways."""
    data = data[:_LONGEST]
    whole = outcome([data])
    for pieces in cuts(data):
        assert outcome([piece for piece in pieces if piece]) == whole, "the answers depend on how the bytes were cut"
