"""The routes: what each address answers. Handlers are short; the work is done in the rooms below.

Knows nothing of sockets, TLS or signals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from exporter.collector import Collection
from exporter.exposition import render_accounts
from exporter.telemetry import Telemetry
from exporter.web import pages
from exporter.web.scrape import Scrape, Wanted, exposition

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

    """

    telemetry_path: str = "/metrics"
    external_url: str = ""
    timeout_offset: float = 0.5
    scrape_timeout: float = 30.0


class Exporter:
    """The application's state and its handlers.

    Args:
        collection: the accounts.
        telemetry: the process's own metrics.
        settings: how the endpoints behave.
        configuration: the effective configuration as YAML, secrets redacted.

    """

    def __init__(
        self,
        collection: Collection,
        telemetry: Telemetry,
        settings: Settings,
        configuration: Callable[[], str],
    ) -> None:
        self.collection = collection
        self._telemetry = telemetry
        self._settings = settings
        self._configuration = configuration

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/", self.landing),
                Route(self._settings.telemetry_path, self.metrics),
                Route("/config", self.config),
                *(Route(path, _alive) for path in HEALTH_PATHS),
            ],
            exception_handlers={HTTPException: _plain_error},
        )

    async def metrics(self, request: Request) -> Scrape:
        """Every account's series and the process's own; with `collect[]=exporter` the latter alone."""
        wanted = self._wanted(request)
        if _only_exporter(request.query_params):
            return await exposition(None, self._process(wanted), wanted)
        accounts = list(self.collection.accounts.values())
        campaigns = await self.collection.collect(accounts, wanted.within)
        statuses = [account.status for account in accounts]
        return await exposition(campaigns, render_accounts(statuses, wanted.form) + self._process(wanted), wanted)

    async def landing(self, request: Request) -> Response:
        """The page a person sees first."""
        accounts = [account.status for account in self.collection.accounts.values()]
        return pages.landing(accounts, self._settings.telemetry_path)

    async def config(self, request: Request) -> Response:
        """The configuration in force, without its secrets."""
        return pages.config(self._configuration())

    def _wanted(self, request: Request) -> Wanted:
        settings = self._settings
        return Wanted.by(request.headers, offset=settings.timeout_offset, otherwise=settings.scrape_timeout)

    def _process(self, wanted: Wanted) -> bytes:
        return self._telemetry.render(openmetrics_format=wanted.form == "openmetrics")


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
