"""Limit the responses that are prepared at the same time (`--web.max-requests`).

Sending a response does not count, nor does waiting for the API: see `waiting`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REFUSAL = "Too many requests are being answered at once; try again in a second.\n"
_SLOT = "exporter.max_requests.slot"


class MaxRequests:
    """Answer with 503 while `limit` responses are being prepared; 0 means no limit. Exempt paths do not count."""

    def __init__(
        self,
        app: ASGIApp,
        limit: int,
        exempt_paths: Collection[str] = (),
        on_refused: Callable[[], None] | None = None,
    ) -> None:
        self._app = app
        self._limit = limit
        self._exempt = frozenset(exempt_paths)
        self._on_refused = on_refused
        self._slots: set[object] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or refuse it at once."""
        if scope["type"] != "http" or self._limit <= 0 or scope["path"] in self._exempt:
            await self._app(scope, receive, send)
        elif len(self._slots) >= self._limit:
            await self._refuse(scope, receive, send)
        else:
            await self._admit(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        slot = object()
        scope[_SLOT] = self._slots, slot
        self._slots.add(slot)

        async def send_and_release(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._slots.discard(slot)
            await send(message)

        try:
            await self._app(scope, receive, send_and_release)
        finally:
            self._slots.discard(slot)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._on_refused is not None:
            self._on_refused()
        await PlainTextResponse(_REFUSAL, 503, {"retry-after": "1"})(scope, receive, send)


@contextlib.contextmanager
def waiting(scope: Scope) -> Iterator[None]:
    """Release the request's slot while its handler waits for the API.

    Afterwards the request takes a slot again, even if all slots are taken.
    """
    slots, slot = scope.get(_SLOT, (set(), None))
    if slot not in slots:
        yield
        return
    slots.discard(slot)
    try:
        yield
    finally:
        slots.add(slot)
