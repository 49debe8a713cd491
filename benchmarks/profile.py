"""Where the CPU of a cached scrape goes: the same process asked for less and less of it."""

from __future__ import annotations

import contextlib
import socket
import statistics
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from benchmarks.serving import Target

_REQUESTS = 200


@dataclass(frozen=True)
class Parts:
    """CPU seconds of a cached scrape, in parts that add up to it.

    Attributes:
        what: the scrape.
        http: a request and its answer of three bytes: parsing, routing, event loop, system calls.
        own: the exporter's own metrics: collecting, writing and packing them.
        body: what the campaigns take, whose text is kept: finding out that it is fresh, and sending it.
        kernel: for comparison, what a bare socket takes to send a body of the same size on loopback.
        nginx: for comparison, the same body as a file; None where nginx is not to be had.

    """

    what: str
    http: float
    own: float
    body: float
    kernel: float
    nginx: float | None

    @classmethod
    def of(cls, what: str, target: Target, headers: dict[str, str], taken: float, nginx: float | None) -> Parts:
        """Return the parts of a scrape of the target that takes so much."""
        http, own = (
            statistics.median(replace(target, path=path).measure(headers, _REQUESTS)[0] for _ in range(5))
            for path in ("/-/healthy", "/metrics?collect[]=exporter")
        )
        kernel = _sending(bytes(len(target.body(headers))))
        return cls(what, http, own - http, max(0.0, taken - own), kernel, nginx)


def table(profile: Iterable[Parts]) -> str:
    """Return the parts as Markdown, in microseconds."""
    head = "| scrape | HTTP | own metrics | campaigns | a bare socket | nginx, all of it |"
    lines = [
        f"| {parts.what} | {_us(parts.http)} | {_us(parts.own)} | {_us(parts.body)} | {_us(parts.kernel)} "
        f"| {'' if parts.nginx is None else _us(parts.nginx)} |"
        for parts in profile
    ]
    return "\n".join([head, "| --- | --- | --- | --- | --- | --- |", *lines]) + "\n"


def _us(seconds: float) -> str:
    return f"{1e6 * seconds:.0f} µs"


def _sending(body: bytes) -> float:
    """CPU seconds of this thread to send a body whole by a bare socket, to a reader that does nothing but read."""
    taken = []
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as peer:
        sending, _ = listening.accept()
        threading.Thread(target=_drain, args=(peer,), daemon=True).start()
        with sending:
            for _ in range(21):
                began = time.thread_time()
                sending.sendall(body)
                taken.append(time.thread_time() - began)
    return statistics.median(taken)


def _drain(reading: socket.socket) -> None:
    buffer = bytearray(1024 * 1024)
    with contextlib.suppress(OSError):
        while reading.recv_into(buffer):
            pass
