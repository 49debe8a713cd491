"""`/-/healthy`, `/-/ready` and `/-/reload`."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from exporter.http.handlers.state import state_of

#: Paths that need no credentials and are exempt from every limit.
HEALTH_PATHS = ("/-/healthy", "/-/ready")


async def health(request: Request) -> Response:
    """Answer with 200, whatever the state of the API."""
    return PlainTextResponse("OK\n")


async def reload(request: Request) -> Response:
    """Load the configuration again: 403 without `--web.enable-lifecycle`, 500 if the configuration is refused."""
    state = state_of(request)
    if not state.options.enable_lifecycle:
        raise HTTPException(403, "reloading over HTTP is off: start with --web.enable-lifecycle, or send SIGHUP")
    if refusal := await state.reload():
        raise HTTPException(500, refusal)
    return PlainTextResponse("configuration loaded\n")
