"""Serve a simulator on loopback in a thread, where uvicorn installs no signal handlers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn

from .api import Simulator


@contextmanager
def running(
    simulator: Simulator, listening: socket.socket | None = None, *, certificate: Path | None = None
) -> Iterator[str]:
    """Serve until the context ends, by default on a free port; yield the base URL.

    `certificate` is a PEM file with a key and its chain, for TLS.
    """
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
    config.load()
    server = uvicorn.Server(config)
    sock = listening or socket.create_server(("127.0.0.1", 0))
    host, port = sock.getsockname()[:2]
    thread = threading.Thread(target=server.run, args=([sock],), name="simulator", daemon=True)
    thread.start()
    try:
        # The socket already listens, so clients can connect before the thread accepts.
        yield f"{'https' if certificate else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@asynccontextmanager
async def serve(
    simulator: Simulator, listening: socket.socket | None = None, *, certificate: Path | None = None
) -> AsyncIterator[str]:
    """Do the same as `running` in an event loop, without blocking it while the server stops."""
    with contextlib.ExitStack() as stack:
        base_url = stack.enter_context(running(simulator, listening, certificate=certificate))
        try:
            yield base_url
        finally:
            await asyncio.to_thread(stack.close)
