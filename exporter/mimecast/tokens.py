"""OAuth 2.0 client credentials (API 2.0), after other public integrations: one token for all who share them."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx

from . import errors
from .auth import Credentials, SecretReader, read_secret
from .envelope import parse_leniently
from .refusals import Asked, accept
from .transport import CALL, RECEIVED_AT, Call

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, not a password
#: Seconds a token is kept where the answer does not say.
_DEFAULT_LIFETIME = 300.0
#: A token is replaced this long before it expires, or after 90 % of its lifetime, whichever is later.
_EXPIRY_MARGIN = 60.0


class ClientCredentials(Credentials):
    """A bearer token, fetched once for all who use this object, and kept until shortly before it expires.

    Args:
        token_url: the token endpoint.
        client_id: the application's id.
        client_secret: reads the application's secret.
        clock: seconds, monotonic.

    """

    names = "client_id and client_secret"
    renewal = (
        "the API says that a token has expired which it has just issued: check client_id and client_secret, and that "
        "the API application is enabled"
    )

    def __init__(
        self,
        *,
        token_url: str,
        client_id: str,
        client_secret: SecretReader,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token_url = token_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._fetching = asyncio.Lock()
        self._token = ""
        self._good_until = -math.inf
        self._refusal: errors.MimecastError | None = None
        self._attempts = 0

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the token, after fetching one where there is none that is good.

        Raises:
            MimecastError: the token endpoint gave none, or the secret cannot be read.

        """
        if self._clock() >= self._good_until:
            seen = self._attempts
            async with self._fetching:
                if self._must_fetch(seen):
                    self._note(await self._read((yield self._token_request(request))))
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request

    def drop_token(self, request: httpx.Request) -> bool:
        """Forget the token of a refused request, unless there is a newer one already."""
        if "authorization" not in request.headers:
            return False  # it is the token endpoint that refuses
        if request.headers["authorization"] == f"Bearer {self._token}":
            self._good_until = -math.inf
        return True

    def _must_fetch(self, seen: int) -> bool:
        """Return whether nobody fetched a token while this request waited for its turn.

        Raises:
            MimecastError: somebody tried meanwhile, and was refused; asking again would only be refused again.

        """
        if self._clock() < self._good_until:
            return False
        if self._attempts != seen and self._refusal is not None:
            raise self._refusal
        return True

    def _token_request(self, request: httpx.Request) -> httpx.Request:
        call: Call = request.extensions[CALL]
        return httpx.Request(
            "POST",
            self._token_url,
            data={
                "grant_type": "client_credentials",
                "client_id": self._client_id,
                "client_secret": read_secret(self._client_secret, "client_secret"),
            },
            headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
            extensions={**request.extensions, **call.for_token().extensions},
        )

    async def _read(self, response: httpx.Response) -> tuple[str, float] | errors.MimecastError:
        """Return the token and its lifetime in seconds, or why there is none; what the body says goes no further."""
        call: Call = response.request.extensions[CALL]
        body = await response.aread()
        try:
            return read_token(response, body, Asked("token", call.permission, self.names, self.renewal))
        except errors.MimecastError as error:
            return error

    def _note(self, outcome: tuple[str, float] | errors.MimecastError) -> None:
        self._attempts += 1
        if isinstance(outcome, errors.MimecastError):
            self._refusal, self._good_until = outcome, -math.inf
            raise outcome
        self._token, lifetime = outcome
        self._refusal = None
        self._good_until = self._clock() + max(lifetime - _EXPIRY_MARGIN, lifetime * 0.9)


def read_token(response: httpx.Response, body: bytes, asked: Asked) -> tuple[str, float]:
    """Return the token in an answer of the token endpoint, and its lifetime in seconds.

    Raises:
        MimecastError: the answer is a refusal, or holds no token that a header can hold.

    """
    accept(response.status_code, body, asked, response.headers, response.extensions[RECEIVED_AT])
    answer = parse_leniently(body)
    token = answer.get("access_token")
    token = token.strip() if isinstance(token, str) else ""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise errors.InvalidResponse("the token endpoint's answer holds no access token")
    return token, _lifetime(answer.get("expires_in"))


def _lifetime(value: Any) -> float:
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        return _DEFAULT_LIFETIME
    return seconds if 0 < seconds < 10**9 else _DEFAULT_LIFETIME
