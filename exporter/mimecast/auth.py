"""Authentication: signed requests (API 1.0) or OAuth 2.0 client credentials (API 2.0).

Signatures follow the vendor's get-queue page, tokens follow other public integrations. Secrets are read at each use, so
that a rotated secret needs no restart.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import math
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import ClassVar

import httpx

from . import errors
from .envelope import Envelope
from .traffic import read_number

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, not a password
#: Seconds that a token is kept if the response has no lifetime.
_DEFAULT_LIFETIME = 300.0
#: A token is replaced this long before it expires, or after 90 % of its lifetime, whichever is later.
_EXPIRY_MARGIN = 60.0

#: Reads a secret; raises OSError or ValueError if it cannot be read.
SecretReader = Callable[[], str]
#: Posts a form to a URL, and returns the accepted answer.
PostForm = Callable[[str, Mapping[str, str]], Awaitable[Envelope]]


class Credentials(ABC):
    """The credentials of an account.

    Attributes:
        names: their names in the configuration.
        renewal: what to do if the API says that one of them has expired.
        signs_dates: whether the API compares the date of each request with its own clock.
    """

    names: ClassVar[str]
    renewal: ClassVar[str]
    signs_dates: ClassVar[bool] = False

    @abstractmethod
    async def authorize(self, request: httpx.Request, post: PostForm) -> None:
        """Add the headers that authenticate the request.

        Raises:
            MimecastError: a secret cannot be read or used, or the token endpoint gave no token.
        """

    def drop_token(self, _request: httpx.Request) -> bool:
        """Discard the token of a refused request; return whether the call may succeed with a new one."""
        return False


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SignedRequests(Credentials):
    """API 1.0: every request is signed with HMAC-SHA1, with a unique request id and its date."""

    app_id: str
    app_key: SecretReader
    access_key: SecretReader
    secret_key: SecretReader
    wall_clock: Callable[[], float] = time.time
    request_id: Callable[[], object] = uuid.uuid4

    names = "app_id, app_key, access_key and secret_key"
    renewal = "the API says that the access key has expired: create a new access key (its binding has a lifetime)"
    signs_dates = True

    async def authorize(self, request: httpx.Request, _post: PostForm) -> None:
        """Sign the request; see `Credentials`."""
        date, request_id = signed_date(self.wall_clock()), str(self.request_id())
        app_key = read_secret(self.app_key, "app_key")
        access_key = read_secret(self.access_key, "access_key", for_header=True)
        signature = sign(
            secret_key=read_secret(self.secret_key, "secret_key"),
            message=f"{date}:{request_id}:{request.url.path}:{app_key}",
        )
        request.headers["Authorization"] = f"MC {access_key}:{signature}"
        request.headers["x-mc-app-id"] = read_secret(lambda: self.app_id, "app_id", for_header=True)
        request.headers["x-mc-date"] = date
        request.headers["x-mc-req-id"] = request_id


@dataclass(kw_only=True, eq=False, repr=False)
class ClientCredentials(Credentials):
    """API 2.0: a bearer token, shared by all accounts that use this object and kept until shortly before it expires."""

    token_url: str
    client_id: str
    client_secret: SecretReader
    clock: Callable[[], float] = time.monotonic
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _token: str = field(default="", init=False)
    _good_until: float = field(default=-math.inf, init=False)
    _failure: errors.MimecastError | None = field(default=None, init=False)

    names = "client_id and client_secret"
    renewal = (
        "the API says that a token which it has just issued has expired: check client_id and client_secret, and that "
        "the API application is enabled"
    )

    async def authorize(self, request: httpx.Request, post: PostForm) -> None:
        """Add the token, after fetching one if there is no valid one; see `Credentials`."""
        known_failure = self._failure
        async with self._fetching:
            if self._failure not in (None, known_failure):
                raise self._failure  # of the request that this one waited for: a retry would fail again
            if self.clock() >= self._good_until:
                await self._fetch(post)
        request.headers["Authorization"] = f"Bearer {self._token}"

    def drop_token(self, request: httpx.Request) -> bool:
        """Discard the token of a refused request, unless there is a newer one."""
        if "authorization" not in request.headers:
            return False  # the token endpoint refused the credentials
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


def signed_date(now: float) -> str:
    """Return `Tue, 24 Nov 2015 12:50:11 UTC`, in English under any locale."""
    return formatdate(now, usegmt=True).replace("GMT", "UTC")


def sign(*, secret_key: str, message: str) -> str:
    """Return base64(HMAC-SHA1(base64decode(secret_key), message)); raise SecretUnreadable for an invalid key."""
    try:
        key = base64.b64decode(secret_key, validate=True)
    except ValueError:
        raise errors.SecretUnreadable("secret_key is not base64: copy it whole, as Mimecast shows it") from None
    return base64.b64encode(hmac.digest(key, message.encode(), hashlib.sha1)).decode()


def read_secret(reader: SecretReader, name: str, *, for_header: bool = False) -> str:
    """Return a secret's value without a byte order mark and surrounding spaces.

    Raises:
        SecretUnreadable: it cannot be read or sent. The message never contains the value.
    """
    try:
        value = reader().removeprefix("\ufeff").strip()
    except OSError as error:
        raise errors.SecretUnreadable(f"the file of {name} cannot be read: {error.strerror}") from None
    except ValueError:
        raise errors.SecretUnreadable(f"the file of {name} holds no usable secret") from None
    if not value or not value.isprintable():
        raise errors.SecretUnreadable(f"{name} is empty or holds control characters")
    if for_header and not value.isascii():
        raise errors.SecretUnreadable(f"{name} holds characters that a header cannot hold: copy it again")
    return value


def read_token(answer: Envelope) -> tuple[str, float]:
    """Return the token and its lifetime in seconds; raise InvalidResponse if there is no valid token."""
    token = answer.access_token.strip() if isinstance(answer.access_token, str) else ""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise errors.InvalidResponse("the token endpoint's answer holds no access token")
    lifetime = read_number(str(answer.expires_in)) or 0.0
    return token, lifetime if 0 < lifetime < 10**9 else _DEFAULT_LIFETIME
