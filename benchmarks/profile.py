"""Where the CPU of a cached scrape goes: each part measured by itself, and what is left is HTTP and the event loop."""

from __future__ import annotations

import contextlib
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.measuring import each
from benchmarks.rows import Row
from exporter.cache import Statistics
from exporter.compression import EMPTY, finish_member
from exporter.exposition import render_families, render_scrapes
from exporter.mimecast import Traffic
from exporter.status import AccountStatus
from exporter.telemetry import Telemetry


@dataclass(frozen=True)
class Parts:
    """CPU seconds of a cached scrape and of its parts.

    Attributes:
        total: all of it.
        collecting: asking prometheus_client for the process's own metrics: /proc, garbage collector, platform.
        text: writing them, and the account's counters of scrapes.
        packing: gzip of that text.
        sending: what the kernel takes to send so many bytes to a reader on loopback.

    """

    total: float
    collecting: float
    text: float
    packing: float
    sending: float

    @classmethod
    def of(cls, total: float, size: int) -> Parts:
        """Measure the parts of a scrape that takes so much and sends so many bytes."""
        telemetry, status = Telemetry("0"), AccountStatus("acme", Traffic(), Statistics())
        telemetry.config_loaded(0.0, {})
        families = list(telemetry.collect())

        def text() -> bytes:
            return render_scrapes([status], "openmetrics") + render_families(families, "openmetrics")

        own = text()
        return cls(
            total,
            each(lambda: list(telemetry.collect()), 200),
            each(text, 200),
            each(lambda: finish_member(EMPTY, own), 200),
            _sending(bytes(size)),
        )

    def rows(self, what: str) -> Iterator[Row]:
        """What each part takes, and its share."""
        own = self.collecting + self.text + self.packing
        rest = self.total - own - self.sending
        named = {
            "the exporter's own metrics: collecting, writing and packing them": own,
            "the kernel's copying of the body to the socket": self.sending,
            "the rest: HTTP, routing, event loop": rest,
        }
        for name, taken in named.items():
            yield Row(f"{what}: of its CPU, {name}", f"{1e6 * taken:.0f} µs, {100 * taken / self.total:.0f} %")


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
