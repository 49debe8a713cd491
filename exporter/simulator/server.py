"""Running a simulator: inside the event loop, or in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn

from .api import Simulator


class _Server(uvicorn.Server):
    """uvicorn, without its hold on signals: they belong to whoever runs the loop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve(
    simulator: Simulator, listening: socket.socket | None = None, *, certificate: Path | None = None
) -> AsyncIterator[str]:
    """Serve on loopback, or on a bound socket, while inside; gives the base URL.

    `certificate` is a PEM file with a key and its chain, for TLS.
    """
    sock = listening or socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        simulator.application(),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        ssl_certfile=certificate,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn raises no event
            await asyncio.sleep(0.01)
        host, port = sock.getsockname()[:2]
        yield f"{'https' if certificate else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        server.should_exit = True
        await serving


@contextmanager
def running(simulator: Simulator, *, certificate: Path | None = None) -> Iterator[str]:
    """The same in a thread, for callers without an event loop; gives the base URL."""
    started, stop = threading.Event(), threading.Event()
    base_urls: list[str] = []

    async def live() -> None:
        async with serve(simulator, certificate=certificate) as base_url:
            base_urls.append(base_url)
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(live()), name="simulator", daemon=True)
    thread.start()
    try:
        if not started.wait(10):
            raise RuntimeError("the simulator did not start")
        yield base_urls[0]
    finally:
        stop.set()
        thread.join(10)
