"""The whole exporter on a loopback port, in the test's own event loop, under the test's own clocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from exporter.app import App
from exporter.config import Account, ApiSettings, CacheSettings, Config, Hmac, OAuth2, Secret
from exporter.http.handlers.state import HandlerOptions
from exporter.http.server.listen import bind, parse_listen_address
from exporter.http.server.server import Server
from tests.clocks import Clock

HMAC = Hmac(
    app_id="app", app_key=Secret("planted-key"), access_key=Secret("planted-access"), secret_key=Secret("cGxhbnRlZA==")
)
OAUTH2 = OAuth2(client_id="id", client_secret=Secret("planted-secret"))


def account(
    name: str, base_url: str, credentials: Hmac | OAuth2, collectors: Sequence[str] = ("campaigns",)
) -> Account:
    """An account as a configuration file would give it."""
    if isinstance(credentials, Hmac):
        return Account(name=name, base_url=base_url, hmac=credentials, collectors=tuple(collectors))
    return Account(name=name, base_url=base_url, oauth2=credentials, collectors=tuple(collectors))


def configuration(
    base_url: str,
    *names: str,
    ttl: float = 300,
    max_stale: float = 3600,
    timeout: float = 5,
    collectors: Sequence[str] = ("campaigns",),
) -> Config:
    """A configuration of accounts that sign their requests to one host."""
    return Config(
        accounts=tuple(account(name, base_url, replace(HMAC, app_id=name), collectors) for name in names or ("acme",)),
        cache=CacheSettings(ttl=ttl, max_stale=max_stale),
        api=ApiSettings(timeout=timeout),
        source="test",
    )


@dataclass
class Served:
    """An exporter that serves, and the clocks it lives by."""

    http: httpx.AsyncClient
    app: App
    clock: Clock
    wall_clock: Clock

    def advance(self, seconds: float) -> None:
        """Let time pass, on both clocks."""
        self.clock.advance(seconds)
        self.wall_clock.advance(seconds)

    async def scrape(self, path: str = "/metrics", **headers: str) -> Exposition:
        """Scrape as Prometheus does; the answer is 200 whatever the API does."""
        response = await self.http.get(path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        assert response.status_code == 200, response.text
        return Exposition(response.text)


class Exposition:
    """An exposition as prometheus_client reads it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._samples: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value

    def value(self, name: str, **labels: str) -> float | None:
        """The one sample of that name that bears these labels, None where there is none."""
        found = self.values(name, **labels)
        assert len(found) < 2, found
        return found[0] if found else None

    def values(self, name: str, **labels: str) -> list[float]:
        """All samples of that name that bear these labels."""
        return [value for key, value in self._samples.get(name, {}).items() if labels.items() <= dict(key).items()]

    @property
    def names(self) -> set[str]:
        """The names of all samples."""
        return set(self._samples)

    @property
    def failures(self) -> Counter[str]:
        """Failed refreshes by reason, those that happened."""
        by_labels = self._samples.get("mimecast_refresh_failures_total", {})
        return Counter({dict(key)["reason"]: int(value) for key, value in by_labels.items() if value})


@asynccontextmanager
async def served(config: Config, options: HandlerOptions | None = None) -> AsyncIterator[Served]:
    """Serve this configuration."""
    clock, wall_clock = Clock(), Clock(1_790_000_000.0)
    app = App(config, lambda: config, clock=clock, wall_clock=wall_clock)
    await app.start()
    server = Server(app.application(options or HandlerOptions()), bind([parse_listen_address("127.0.0.1:0")]))
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://{server.addresses[0]}", timeout=30, trust_env=False) as http:
            yield Served(http, app, clock, wall_clock)
    finally:
        await server.stop(app.close)
