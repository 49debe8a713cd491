"""A process that serves the sample application until a signal ends it, and prints what happens to it, line by line.

Arguments: a listen address and, optionally, a web configuration file.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from starlette.types import Receive, Scope, Send

from exporter.cli.serve import run_loop
from exporter.http.middleware.protection import Protection
from exporter.http.server.listen import ListenAddress, bind, parse_listen_address
from exporter.http.server.server import serve
from exporter.http.webconfig.watching import WatchedWebConfig
from tests.http.serving import SampleApp


def _say(text: str) -> None:
    print(text, flush=True)


class _Talking(SampleApp):
    """Also prints what it is asked."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _say(f"asked {scope['path']}")
        await super().__call__(scope, receive, send)


async def _main(address: str, web_config: str | None) -> int:
    app = _Talking()
    web = WatchedWebConfig(Path(web_config) if web_config else None)

    def ready(addresses: Sequence[ListenAddress]) -> None:
        _say(f"listening {addresses[0]}")

    async def stop() -> None:
        _say("stopping")
        app.waiting.set()

    async def fetch_for_ever() -> None:
        await asyncio.Event().wait()

    async def reload() -> None:
        _say("reloading")

    fetch = asyncio.create_task(fetch_for_ever())
    protected = Protection(app, lambda: web.current)
    sockets, tls = bind([parse_listen_address(address)]), web.current.tls
    await serve(protected, sockets, tls=tls, watch_tls=web.watch, on_stop=stop, on_reload=reload, ready=ready)
    _say("stopped")
    fetch.cancel()
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    run_loop(_main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
