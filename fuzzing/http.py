"""Raw bytes into a connection over a socket pair: whole answers only, none unasked, however the bytes are cut."""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
from typing import Any

import h11
from starlette.types import Receive, Scope, Send

from exporter.web.generation import Generation
from exporter.web.limits import Limits
from exporter.web.protocol import HttpProtocol

_GET = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
SEEDS = [
    _GET + b"\r\n",
    (_GET + b"\r\n") * 3,
    b"HEAD / HTTP/1.0\r\n\r\n",
    b"POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + _GET + b"\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    _GET + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n" + _GET + b"\r\n",
    _GET + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\na",
]
WORDS = [b"\r\n", b"\r\n\r\n", b"Host: a\r\n", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"HTTP/1.0", b"CONNECT "]
_TURNS = 12


class _Application:
    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append((scope["method"], scope["raw_path"], scope["query_string"]))
        body = str(len(self.asked)).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _converse(data: bytes, cut: int) -> tuple[list[tuple[str, bytes, bytes]], bytes]:
    """What the application was asked, and what came back, when the bytes come in pieces of `cut`."""
    loop, faults = asyncio.get_running_loop(), list[Any]()
    loop.set_exception_handler(lambda _, context: faults.append(context))
    application = _Application()
    generation = Generation(application, Limits(linger_time=0.0), None)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    _, connection = await loop.connect_accepted_socket(lambda: _protocol(generation), theirs)
    for start in range(0, len(data), cut):
        if connection.transport.is_closing():
            break
        try:
            await loop.sock_sendall(ours, data[start : start + cut])
        except ConnectionError:
            break
        await _settle(connection)
    try:
        ours.shutdown(socket.SHUT_WR)
        received = b"".join([piece async for piece in _received(loop, ours)])
    except ConnectionError:
        received = b""
    ours.close()
    await _settle(connection)
    assert not faults, faults
    assert generation.is_over, "something is still going on after the connection ended"
    return application.asked, received


def _protocol(generation: Generation) -> HttpProtocol:
    return HttpProtocol(
        generation._config, generation.state, loop=asyncio.get_running_loop(), limits=generation._limits
    )


async def _settle(connection: HttpProtocol) -> None:
    """Let the loop turn until nothing is being answered."""
    quiet = 0
    for _ in itertools.takewhile(lambda _: quiet < _TURNS, range(10_000)):
        await asyncio.sleep(0)
        quiet = quiet + 1 if connection.is_idle and not connection.pipeline else 0


async def _received(loop: asyncio.AbstractEventLoop, ours: socket.socket) -> Any:
    while piece := await asyncio.wait_for(loop.sock_recv(ours, 65536), 10):
        yield piece


def _statuses(received: bytes, methods: list[str]) -> list[int]:
    """The statuses of whole answers, as another library reads them; raises where one is not whole."""
    statuses = []
    for method in itertools.chain(methods, itertools.repeat("GET")):
        if not received:
            return statuses
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
        client.send(h11.EndOfMessage())
        client.receive_data(received)
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            assert event is not h11.NEED_DATA, "an answer is not whole"
            statuses += [event.status_code] if isinstance(event, h11.Response) else []
        received = client.trailing_data[0]
    return statuses


def hold(data: bytes) -> None:
    """Send the bytes at once, and cut small."""
    data = data[:4096]
    asked, received = asyncio.run(_converse(data, max(len(data), 1)))
    if not any(method in ("HEAD", "CONNECT") for method, _, _ in asked) and not re.match(rb"HEAD ", data):
        statuses = _statuses(received, [method for method, _, _ in asked if re.fullmatch("[A-Z]+", method)])
        assert statuses.count(200) <= len(asked), "an answer nobody asked for"
        assert len(statuses) <= len(asked) + 1, "two answers for one request"
    again, _ = asyncio.run(_converse(data, max(len(data) // 7, 1)))
    assert asked == again, "what was asked depends on how the bytes were cut"
