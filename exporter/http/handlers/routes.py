"""The routes: what each address answers. Handlers are short; the work is done in the rooms below.

Knows nothing of sockets, TLS or signals.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from exporter.accounts.cache import Clock
from exporter.accounts.collection import Collection
from exporter.config import Account
from exporter.exposition.process import Telemetry
from exporter.exposition.text import Family, Format, render_families, render_probe, render_scrapes
from exporter.http.handlers import pages
from exporter.http.handlers.discovery import PROBE_PATH, targets
from exporter.http.handlers.scrape import Scrape, Wanted, exposition

#: Paths that answer whatever the load, and to whoever asks.
HEALTH_PATHS = ("/-/healthy", "/-/ready")


@dataclass(frozen=True)
class Settings:
    """How the endpoints behave.

    Attributes:
        telemetry_path: where metrics are served.
        external_url: the exporter's address as others see it, without a slash at its end; empty for the request's.
        timeout_offset: seconds kept back of a scrape's deadline.
        scrape_timeout: seconds a scrape waits where it names no deadline.
        lifecycle: whether `/-/reload` may be asked for.

    """

    telemetry_path: str = "/metrics"
    external_url: str = ""
    timeout_offset: float = 0.5
    scrape_timeout: float = 30.0
    lifecycle: bool = False


@dataclass(frozen=True)
class Subject:
    """What is served: the accounts, the configuration they came from, and how to load it anew.

    Attributes:
        collection: the accounts' collectors.
        telemetry: the process's own metrics.
        accounts: the configured accounts, as they are now.
        configuration: the effective configuration as YAML, secrets redacted.
        reload: loads the configuration anew; an empty string where that succeeded, else why it did not.

    """

    collection: Collection
    telemetry: Telemetry
    accounts: Callable[[], Sequence[Account]]
    configuration: Callable[[], str]
    reload: Callable[[], Awaitable[str]]


class Exporter:
    """The handlers."""

    def __init__(self, subject: Subject, settings: Settings, clock: Clock = time.monotonic) -> None:
        self._subject = subject
        self._settings = settings
        self._clock = clock
        #: By format, the metrics that settled and their text.
        self._settled: dict[Format, tuple[Sequence[Family], bytes]] = {}

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/", self.landing),
                Route(self._settings.telemetry_path, self.metrics),
                Route(PROBE_PATH, self.probe),
                Route("/sd", self.discovery),
                Route("/config", self.config),
                *(Route(path, _alive) for path in HEALTH_PATHS),
                Route("/-/reload", self.reload, methods=["POST", "PUT"]),
            ],
            exception_handlers={HTTPException: _plain_error},
        )

    async def metrics(self, request: Request) -> Scrape:
        """Every account's series and the process's own; with `collect[]=exporter` the latter alone."""
        wanted = self._wanted(request)
        if _only_exporter(request.query_params):
            return await exposition(None, self._process(wanted), wanted)
        collected = await self._subject.collection.collect(None, wanted.within)
        own = render_scrapes(collected.statuses, wanted.form) + self._process(wanted)
        return await exposition(collected.text(wanted.form), own, wanted)

    async def probe(self, request: Request) -> Scrape:
        """One account's series, `probe_success` (its `mimecast_up`) and `probe_duration_seconds`."""
        began, wanted = self._clock(), self._wanted(request)
        collected = await self._subject.collection.collect(self._target(request.query_params), wanted.within)
        own = render_scrapes(collected.statuses, wanted.form)
        own += render_probe(collected.statuses[0], self._clock() - began, wanted.form)
        return await exposition(collected.text(wanted.form), own, wanted)

    async def discovery(self, request: Request) -> Response:
        """Every account as a target of `/probe`.

        Raises:
            HTTPException: 400 where the address to name would be the Host header's, and that is none.

        """
        address = self._settings.external_url, request.scope["scheme"], request.headers.get("host", "localhost")
        try:
            return JSONResponse(targets(self._subject.accounts(), *address))
        except ValueError:
            raise HTTPException(400, "the Host header is no address: name one with --web.external-url") from None

    async def landing(self, request: Request) -> Response:
        """The page a person sees first."""
        accounts = [account.status for account in self._subject.collection.accounts.values()]
        return pages.landing(accounts, self._settings.telemetry_path)

    async def config(self, request: Request) -> Response:
        """The configuration in force, without its secrets."""
        return pages.config(self._subject.configuration())

    async def reload(self, request: Request) -> Response:
        """Load the configuration anew.

        Raises:
            HTTPException: 403 where the command line does not allow it, 500 where the configuration is refused.

        """
        if not self._settings.lifecycle:
            raise HTTPException(403, "reloading over HTTP is off: start with --web.enable-lifecycle, or send SIGHUP")
        if refusal := await self._subject.reload():
            raise HTTPException(500, refusal)
        return PlainTextResponse("configuration loaded\n")

    def _target(self, query: QueryParams) -> str:
        """The account that `target` names.

        Raises:
            HTTPException: 400 where it is missing or repeated, 404 where no account has that name.

        """
        names = query.getlist("target")
        if len(names) != 1 or not names[0]:
            raise HTTPException(400, "give one target: the name of a configured account, /probe?target=NAME")
        if names[0] not in self._subject.collection.accounts:
            raise HTTPException(404, "no account of that name is configured; /sd lists those that are")
        return names[0]

    def _wanted(self, request: Request) -> Wanted:
        settings = self._settings
        return Wanted.by(request.headers, offset=settings.timeout_offset, otherwise=settings.scrape_timeout)

    def _process(self, wanted: Wanted) -> bytes:
        telemetry = self._subject.telemetry
        settled, (families, text) = telemetry.settled(), self._settled.get(wanted.form, (None, b""))
        if families is not settled:
            text = render_families(settled, wanted.form)
            self._settled[wanted.form] = settled, text
        return text + render_families(telemetry.moving(), wanted.form)


def _only_exporter(query: QueryParams) -> bool:
    """Whether `collect[]` asks for the exporter's own metrics alone.

    Raises:
        HTTPException: it names a collector there is none of.

    """
    wanted = query.getlist("collect[]")
    if unknown := set(wanted) - {"exporter"}:
        raise HTTPException(400, f"unknown collector {sorted(unknown)[0]!r}: collect[] takes exporter")
    return bool(wanted)


async def _alive(request: Request) -> Response:
    return PlainTextResponse("OK\n")


async def _plain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette calls this for no other
    return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
