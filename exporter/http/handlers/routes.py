"""The routes of the application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from exporter.http.handlers import discovery, lifecycle, metrics, pages
from exporter.http.handlers.state import AppState


def routes(telemetry_path: str) -> list[Route]:
    """Return every route."""
    return [
        Route("/", pages.landing),
        Route(telemetry_path, metrics.metrics),
        Route("/probe", metrics.probe),
        Route("/sd", discovery.service_discovery),
        Route("/config", pages.config),
        *(Route(path, lifecycle.health) for path in lifecycle.HEALTH_PATHS),
        Route("/-/reload", lifecycle.reload, methods=["POST", "PUT"]),
    ]


def application(state: AppState) -> Starlette:
    """Return the exporter as an ASGI application."""
    app = Starlette(routes=routes(state.options.telemetry_path), exception_handlers={HTTPException: _plain_error})
    # Behind a proxy that strips a prefix a redirect would name the wrong path.
    app.router.redirect_slashes = False
    app.state.exporter = state
    return app


async def _plain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette calls this for no other
    return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
