"""Apply the web configuration to every request: rate limit, basic authentication and response headers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.http.middleware.authentication import Authenticator, BusyError, basic_credentials
from exporter.http.webconfig.loading import WebConfig
from exporter.http.webconfig.schema import RateLimit

Clock = Callable[[], float]


class TokenBucket:
    """Allows a burst of requests, then one for each interval."""

    def __init__(self, limit: RateLimit, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._tokens = float(limit.burst)
        self._at = clock()

    def allows(self) -> bool:
        """Take a token, and return whether there was one."""
        now = self._clock()
        gained = (now - self._at) / self._limit.interval
        self._tokens, self._at = min(float(self._limit.burst), self._tokens + gained), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Protection:
    """Pass on the requests that the web configuration in force allows, and those for exempt paths."""

    def __init__(
        self,
        app: ASGIApp,
        config: Callable[[], WebConfig],
        exempt_paths: Collection[str] = (),
        *,
        authenticator: Authenticator | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._app = app
        self._config = config
        self._exempt = frozenset(exempt_paths)
        self._authenticator = authenticator or Authenticator()
        self._clock = clock
        self._limit: RateLimit | None = None
        self._bucket: TokenBucket | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 429 or 401, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        config = self._config()
        refusal = None if scope["path"] in self._exempt else await self._refusal(scope, config)
        await (refusal or self._app)(scope, receive, _with_headers(send, config))

    async def _refusal(self, scope: Scope, config: WebConfig) -> ASGIApp | None:
        """Return the response to a request that is refused."""
        if not self._is_within(config.rate_limit):
            return PlainTextResponse("Too many requests\n", 429, {"retry-after": "1"})
        if not config.users:
            return None
        credentials = basic_credentials(scope["headers"])
        try:
            if credentials is not None and await self._authenticator.accepts(config.users, *credentials):
                return None
        except BusyError:
            return PlainTextResponse("Too many passwords are being checked\n", 429, {"retry-after": "1"})
        challenge = {"www-authenticate": 'Basic realm="mimecast-exporter", charset="UTF-8"'}
        return PlainTextResponse("Unauthorized\n", 401, challenge)

    def _is_within(self, limit: RateLimit | None) -> bool:
        if limit != self._limit:
            self._limit = limit
            self._bucket = None if limit is None else TokenBucket(limit, self._clock)
        return self._bucket is None or self._bucket.allows()


def _with_headers(send: Send, config: WebConfig) -> Send:
    """Add the configured headers to the response; they replace those of the application."""
    if not config.headers:
        return send

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(dict(config.headers))
        await send(message)

    return send_with_headers
