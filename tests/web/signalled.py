"""A process that serves the sample application until a signal ends it; prints what happens to it, line by line.

Arguments: a listen address and, for TLS, a file with a certificate chain and its key.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys
from collections.abc import Sequence

import uvloop

from exporter.web.server import ListenAddress, Tls, bind, parse_listen_address, serve
from tests.web.serving import SampleApp


def _say(text: str) -> None:
    print(text, flush=True)


async def _main(address: str, certificate: str | None) -> None:
    app = SampleApp()
    tls = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        tls = Tls(context)

    def ready(addresses: Sequence[ListenAddress]) -> None:
        _say(f"listening {addresses[0]}")

    async def stop() -> None:
        _say("stopping")
        app.waiting.set()

    async def fetch_for_ever() -> None:
        await asyncio.Event().wait()

    def reload() -> None:
        _say("reloading")

    fetch = asyncio.create_task(fetch_for_ever())
    sockets = bind([parse_listen_address(address)])
    await serve(app, sockets, tls=tls, on_stop=stop, on_reload=reload, ready=ready)
    _say("stopped")
    fetch.cancel()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    uvloop.run(_main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
