"""Proving who we are to the API: signed requests (API 1.0) and OAuth 2.0 client credentials (API 2.0).

Both are `httpx.Auth` flows. Secrets are asked for at each use, so that a rotated file needs no restart, and are
written into requests only. Sources: the vendor's get-queue page for signatures; other public integrations for tokens.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from email.utils import formatdate
from typing import Any

import httpx

from . import envelope, errors
from .transport import CALL, LARGEST_TOKEN_ANSWER, Budget, Call

#: Reads a secret; raises OSError or ValueError where it cannot be read.
SecretReader = Callable[[], str]

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, not a password
#: Seconds a token is kept where the answer does not say.
_DEFAULT_LIFETIME = 300.0
#: A token is fetched anew this long before it expires, or after 90 % of its lifetime, whichever is later.
_EXPIRY_MARGIN = 60.0


class SignedRequests(httpx.Auth):
    """API 1.0: every request is signed with HMAC-SHA1, under a request id and a date of its own.

    Args:
        app_id: the application's id.
        app_key: reads the application's key.
        access_key: reads the access key.
        secret_key: reads the secret key, base64 as Mimecast gives it.
        wall_clock: seconds since the epoch.
        request_id: gives a new GUID at each call.

    """

    def __init__(
        self,
        *,
        app_id: str,
        app_key: SecretReader,
        access_key: SecretReader,
        secret_key: SecretReader,
        wall_clock: Callable[[], float] = time.time,
        request_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._app_id = app_id
        self._app_key = app_key
        self._access_key = access_key
        self._secret_key = secret_key
        self._wall_clock = wall_clock
        self._request_id = request_id

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign the request; raises SecretUnreadable."""
        date, request_id = http_date(self._wall_clock()), self._request_id()
        app_key, access_key = (
            read_secret(self._app_key, "app_key"),
            read_secret(self._access_key, "access_key"),
        )
        signature = sign(
            secret_key=read_secret(self._secret_key, "secret_key"),
            message=f"{date}:{request_id}:{request.url.path}:{app_key}",
        )
        request.headers["Authorization"] = f"MC {access_key}:{signature}"
        request.headers["x-mc-app-id"] = self._app_id
        request.headers["x-mc-date"] = date
        request.headers["x-mc-req-id"] = request_id
        yield request


def sign(*, secret_key: str, message: str) -> str:
    """base64(HMAC-SHA1(base64decode(secret_key), message)).

    Raises:
        SecretUnreadable: the key is not base64.

    """
    try:
        key = base64.b64decode(secret_key, validate=True)
    except binascii.Error:
        raise errors.SecretUnreadable("secret_key is not base64: copy it whole, as Mimecast shows it") from None
    return base64.b64encode(hmac.digest(key, message.encode(), hashlib.sha1)).decode()


def http_date(now: float) -> str:
    """`Tue, 24 Nov 2015 12:50:11 UTC`, in English under any locale."""
    return formatdate(now, usegmt=True).replace("GMT", "UTC")


def read_secret(reader: SecretReader, name: str) -> str:
    """A secret's value, fit for a header.

    Raises:
        SecretUnreadable: it cannot be read, or holds what no header may hold. The value is in no message.

    """
    try:
        value = reader()
    except OSError as error:
        raise errors.SecretUnreadable(f"the file of {name} cannot be read: {error.strerror}") from None
    except ValueError:
        raise errors.SecretUnreadable(f"the file of {name} holds no usable secret") from None
    if not value or not value.isascii() or not value.isprintable():
        raise errors.SecretUnreadable(f"{name} is empty or holds characters that a header cannot hold")
    return value


class ClientCredentials(httpx.Auth):
    """API 2.0: a bearer token, fetched once for all who use this object, and kept until shortly before it expires.

    Args:
        token_url: the token endpoint.
        client_id: the application's id.
        client_secret: reads the application's secret.
        clock: seconds, monotonic.

    """

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
        self._good_until = 0.0
        self._refusal: errors.MimecastError | None = None
        self._attempts = 0

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the token; where the API answers 401, fetch a new one once. Raises MimecastError."""
        for attempt in (1, 2):
            if self._clock() >= self._good_until:
                seen = self._attempts
                async with self._fetching:
                    if self._must_fetch(seen):
                        self._note(await self._read((yield self._token_request(request))))
            token = self._token
            request.headers["Authorization"] = f"Bearer {token}"
            response = yield request
            if response.status_code != httpx.codes.UNAUTHORIZED or attempt == 2:
                return
            if token == self._token:
                self._good_until = 0.0

    def _must_fetch(self, seen: int) -> bool:
        """Whether nobody fetched a token while this request waited for its turn.

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
        token_call = Call("token", call.traffic, Budget(LARGEST_TOKEN_ANSWER))
        return httpx.Request(
            "POST",
            self._token_url,
            data={
                "grant_type": "client_credentials",
                "client_id": self._client_id,
                "client_secret": read_secret(self._client_secret, "client_secret"),
            },
            headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
            extensions={**request.extensions, **token_call.extensions},
        )

    async def _read(self, response: httpx.Response) -> tuple[str, float] | errors.MimecastError:
        """The token and its lifetime in seconds, or why there is none. What the body says goes no further."""
        body = await response.aread()
        try:
            return _token_in(response, body)
        except errors.MimecastError as error:
            return error

    def _note(self, outcome: tuple[str, float] | errors.MimecastError) -> None:
        self._attempts += 1
        if isinstance(outcome, errors.MimecastError):
            self._refusal, self._good_until = outcome, 0.0
            raise outcome
        self._token, lifetime = outcome
        self._refusal = None
        self._good_until = self._clock() + max(lifetime - _EXPIRY_MARGIN, lifetime * 0.9)


def _token_in(response: httpx.Response, body: bytes) -> tuple[str, float]:
    if response.status_code != httpx.codes.OK:
        codes = envelope.codes_in(body)
        status = 401 if response.status_code == 400 else response.status_code
        retry_after = envelope.pause_asked_for(response.headers) if status == 429 else None
        envelope.raise_failure(status, codes, retry_after=retry_after)
    try:
        answer: Any = envelope.parse_leniently(body)
    except ValueError:
        raise errors.InvalidResponse("the token endpoint's answer is not JSON; is base_url the API's host?") from None
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise errors.InvalidResponse("the token endpoint's answer holds no access token")
    lifetime = answer.get("expires_in")
    if isinstance(lifetime, str) and lifetime.isascii() and lifetime.isdigit():
        lifetime = float(lifetime)
    usable = isinstance(lifetime, int | float) and not isinstance(lifetime, bool) and 0 < lifetime < 10**9
    return token, float(lifetime) if usable else _DEFAULT_LIFETIME
