"""Clients as cheap as they can be, so that many leave the server its core: raw requests over asyncio streams."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

import httpx

GET = "GET {} HTTP/1.1\r\nHost: localhost\r\nX-Prometheus-Scrape-Timeout-Seconds: {}\r\n{}\r\n"
GZIP = "Accept-Encoding: gzip\r\n"


@dataclass(frozen=True)
class Answer:
    """Status, headers in lower case, and the whole body."""

    status: int
    headers: dict[str, str]
    body: bytes


def request(path: str = "/metrics", *, deadline: float = 30, headers: str = "") -> bytes:
    """A scrape as Prometheus sends it."""
    return GET.format(path, deadline, headers).encode()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """One answer, whole; raises IncompleteReadError where it is not."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:-2])
    return Answer(int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"])))


def drop(writer: asyncio.StreamWriter) -> None:
    """Close a connection at once, whatever is under way on it."""
    writer.transport.abort()
    writer.close()


@dataclass(frozen=True)
class Target:
    """A server's address, and how clients trust it."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    async def connect(self, *, receive_buffer: int | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection; one with a small receive buffer takes in hardly more than is read."""
        sock = await self.dial(receive_buffer)
        name = "localhost" if self.tls else None
        limit = 1024 if receive_buffer else 2**16
        return await asyncio.open_connection(sock=sock, ssl=self.tls, server_hostname=name, limit=limit)

    async def dial(self, receive_buffer: int | None = None) -> socket.socket:
        """A TCP connection on which nothing was said."""
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (self.host, self.port))
        return sock

    async def ask(self, data: bytes) -> Answer:
        """One request on a connection of its own."""
        reader, writer = await self.connect()
        try:
            writer.write(data)
            return await read_answer(reader)
        finally:
            drop(writer)


def target(base_url: str, tls: ssl.SSLContext | None = None) -> Target:
    """Where the server with that URL listens."""
    url = httpx.URL(base_url)
    assert url.port
    return Target(url.host, url.port, tls)


def open_files(pid: int) -> int:
    """The descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_megabytes(pid: int) -> float:
    """The memory a process has in use."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024
