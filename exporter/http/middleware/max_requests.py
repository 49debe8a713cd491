"""How many answers may be in preparation at once (`--web.max-requests`).

An ASGI middleware; knows nothing of what it wraps. Sending does not count: it is bounded by the connection's
clocks instead, so that slow readers keep nobody from being answered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REFUSAL = b"Too many requests are being answered at once; try again in a second.\n"


class MaxRequests:
    """Answer 503 beyond `limit` requests whose answer has not begun; 0 means no limit.

    `exempt_paths` are neither counted nor refused. `on_refused` is called once for each refusal.
    """

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
        self._preparing = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or refuse it at once."""
        if scope["type"] != "http" or self._limit <= 0 or scope["path"] in self._exempt:
            await self._app(scope, receive, send)
        elif self._preparing >= self._limit:
            await self._refuse(send)
        else:
            await self._admit(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._preparing += 1
        counted = True

        async def send_and_stop_counting(message: Message) -> None:
            nonlocal counted
            if counted and message["type"] == "http.response.start":
                counted = False
                self._preparing -= 1
            await send(message)

        try:
            await self._app(scope, receive, send_and_stop_counting)
        finally:
            if counted:
                self._preparing -= 1

    async def _refuse(self, send: Send) -> None:
        if self._on_refused is not None:
            self._on_refused()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(_REFUSAL)).encode()),
            (b"retry-after", b"1"),
        ]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": _REFUSAL})
