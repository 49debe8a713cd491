"""`demo`: simulator and exporter in one process, no configuration needed."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from socket import socket

from exporter.cli.logs import set_up_logging
from exporter.cli.serve import end_quietly_until_served, listen, load_web, run_loop, serve_exporter
from exporter.cli.simulate import build
from exporter.config import Account, CacheSettings, Config, HmacCredentials, OAuth2Credentials, Secret
from exporter.http.server.listen import address_of
from exporter.simulator import SimulatedAccount, serve

#: Seconds; short, so that somebody who watches sees the numbers move.
_TTL = 10.0


def run(options: argparse.Namespace) -> int:
    """Run both until a signal ends them."""
    end_quietly_until_served()
    set_up_logging(options.log_level, options.log_format)
    web, sockets = load_web(options.web_config_file), listen(options.web_listen_address)
    if web is None or sockets is None:
        return 1
    simulator = build(options)

    async def main() -> int:
        async with serve(simulator) as base_url:
            config = _configuration(simulator.accounts, base_url)
            _greet(sockets, "https" if web.current.tls else "http", options.web_telemetry_path)
            return await serve_exporter(config, lambda: config, sockets, web=web, options=options)

    return run_loop(main())


def _configuration(accounts: Sequence[SimulatedAccount], base_url: str) -> Config:
    """What a user would write for these accounts; made here, since the demo may run where no file can be written."""
    return Config(
        accounts=tuple(Account(account.name, base_url, _credentials(account)) for account in accounts),
        cache=CacheSettings(ttl=_TTL),
        source="demo",
    )


def _credentials(account: SimulatedAccount) -> OAuth2Credentials | HmacCredentials:
    if account.version == "2.0":
        return OAuth2Credentials(account.application, Secret(account.key))
    keys = Secret(account.key), Secret(account.access_key), Secret(account.secret_key)
    return HmacCredentials(account.application, *keys)


def _greet(sockets: Sequence[socket], scheme: str, telemetry_path: str) -> None:
    address = next((address for address in map(address_of, sockets) if address.path is None), None)
    if address is None:
        return
    host = "localhost" if address.host in ("", "::", "0.0.0.0", "127.0.0.1") else address.host  # noqa: S104 - compared
    base_url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{address.port}"
    with contextlib.suppress(OSError):  # nobody reads it, and the demo runs all the same
        sys.stdout.write(
            "The demo runs: a simulated Mimecast API and the exporter. Open\n\n"
            f"  {base_url}/\n  {base_url}{telemetry_path}\n\nCtrl-C ends it.\n\n"
        )
        sys.stdout.flush()
