"""OAuth 2.0 client credentials (API 2.0), after other public integrations: one token for all who share them."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from . import errors
from .auth import Credentials, PostForm, SecretReader, read_secret
from .envelope import Envelope

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, not a password
#: Seconds a token is kept where the answer does not say.
_DEFAULT_LIFETIME = 300.0
#: A token is replaced this long before it expires, or after 90 % of its lifetime, whichever is later.
_EXPIRY_MARGIN = 60.0


@dataclass(kw_only=True, eq=False)
class ClientCredentials(Credentials):
    """A bearer token, fetched once for all who use this object, and kept until shortly before it expires.

    Attributes:
        token_url: the token endpoint.
        client_id: the application's id.
        client_secret: reads the application's secret.
        clock: seconds, monotonic.

    """

    token_url: str
    client_id: str
    client_secret: SecretReader
    clock: Callable[[], float] = time.monotonic
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    _token: str = field(default="", init=False, repr=False)
    _good_until: float = field(default=-math.inf, init=False, repr=False)
    _failure: errors.MimecastError | None = field(default=None, init=False, repr=False)

    names = "client_id and client_secret"
    renewal = (
        "the API says that a token has expired which it has just issued: check client_id and client_secret, and that "
        "the API application is enabled"
    )

    async def authorize(self, request: httpx.Request, post: PostForm) -> None:
        """Add the token, after fetching one where there is none that is good; see `Credentials`."""
        known_failure = self._failure
        async with self._fetching:
            if self._failure not in (None, known_failure):
                raise self._failure  # of the request that this one waited for; asking again would fail again
            if self.clock() >= self._good_until:
                await self._fetch(post)
        request.headers["Authorization"] = f"Bearer {self._token}"

    def drop_token(self, request: httpx.Request) -> bool:
        """Forget the token of a refused request, unless there is a newer one already."""
        if "authorization" not in request.headers:
            return False  # it is the token endpoint that refuses
        if request.headers["authorization"] == f"Bearer {self._token}":
            self._good_until = -math.inf
        return True

    async def _fetch(self, post: PostForm) -> None:
        secret = read_secret(self.client_secret, "client_secret")
        form = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": secret}
        try:
            self._token, lifetime = read_token(await post(self.token_url, form))
        except errors.MimecastError as error:
            self._failure = error
            raise
        self._failure = None
        self._good_until = self.clock() + max(lifetime - _EXPIRY_MARGIN, lifetime * 0.9)


def read_token(answer: Envelope) -> tuple[str, float]:
    """Return the token in an answer of the token endpoint, and its lifetime in seconds.

    Raises:
        InvalidResponse: the answer holds no token that a header can hold.

    """
    token = answer.access_token.strip() if isinstance(answer.access_token, str) else ""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise errors.InvalidResponse("the token endpoint's answer holds no access token")
    return token, _lifetime(answer.expires_in)


def _lifetime(value: Any) -> float:
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        return _DEFAULT_LIFETIME
    return seconds if 0 < seconds < 10**9 else _DEFAULT_LIFETIME
