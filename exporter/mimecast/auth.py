"""Credentials of an account, and signed requests (API 1.0), after the vendor's get-queue page.

Secrets are read at each use, so that a rotated file needs no restart, and are written into requests only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import ClassVar

import httpx

from . import errors
from .envelope import Envelope

#: Reads a secret; raises OSError or ValueError where it cannot be read.
SecretReader = Callable[[], str]


#: Posts a form to a URL for the account whose request is being authorized, and returns the accepted answer.
PostForm = Callable[[str, Mapping[str, str]], Awaitable[Envelope]]


class Credentials(ABC):
    """What an account proves its identity with.

    Attributes:
        names: the credentials, by their names in the configuration.
        renewal: what to do where the API says that one of them has expired.
        signs_dates: whether the API compares the date of each request with its own clock.

    """

    names: ClassVar[str]
    renewal: ClassVar[str]
    signs_dates: ClassVar[bool] = False

    @abstractmethod
    async def authorize(self, request: httpx.Request, post: PostForm) -> None:
        """Add the headers that prove the account's identity.

        Raises:
            MimecastError: a secret cannot be read or used, or the token endpoint gave no token.

        """

    def drop_token(self, _request: httpx.Request) -> bool:
        """Forget the token that a refused request used; return whether the same call with a new one may succeed."""
        return False


@dataclass(frozen=True, kw_only=True, eq=False)
class SignedRequests(Credentials):
    """API 1.0: every request is signed with HMAC-SHA1, under a request id and a date of its own.

    Attributes:
        app_id: the application's id.
        app_key: reads the application's key.
        access_key: reads the access key.
        secret_key: reads the secret key, base64 as Mimecast gives it.
        wall_clock: seconds since the epoch.
        request_id: gives a new GUID at each call.

    """

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
        access_key = read_header_secret(self.access_key, "access_key")
        signature = sign(
            secret_key=read_secret(self.secret_key, "secret_key"),
            message=f"{date}:{request_id}:{request.url.path}:{app_key}",
        )
        request.headers["Authorization"] = f"MC {access_key}:{signature}"
        request.headers["x-mc-app-id"] = read_header_secret(lambda: self.app_id, "app_id")
        request.headers["x-mc-date"] = date
        request.headers["x-mc-req-id"] = request_id


def signed_date(now: float) -> str:
    """Return `Tue, 24 Nov 2015 12:50:11 UTC`, in English under any locale."""
    return formatdate(now, usegmt=True).replace("GMT", "UTC")


def sign(*, secret_key: str, message: str) -> str:
    """Return base64(HMAC-SHA1(base64decode(secret_key), message)).

    Raises:
        SecretUnreadable: the key is not base64.

    """
    try:
        key = base64.b64decode(secret_key, validate=True)
    except ValueError:
        raise errors.SecretUnreadable("secret_key is not base64: copy it whole, as Mimecast shows it") from None
    return base64.b64encode(hmac.digest(key, message.encode(), hashlib.sha1)).decode()


def read_secret(reader: SecretReader, name: str) -> str:
    """Return a secret's value without the byte order mark and the spaces that editors and copying leave around it.

    Raises:
        SecretUnreadable: it cannot be read, is empty, or holds control characters. The value is in no message.

    """
    try:
        value = reader().removeprefix("\ufeff").strip()
    except OSError as error:
        raise errors.SecretUnreadable(f"the file of {name} cannot be read: {error.strerror}") from None
    except ValueError:
        raise errors.SecretUnreadable(f"the file of {name} holds no usable secret") from None
    if not value or not value.isprintable():
        raise errors.SecretUnreadable(f"{name} is empty or holds control characters")
    return value


def read_header_secret(reader: SecretReader, name: str) -> str:
    """Return a secret's value that a header can hold.

    Raises:
        SecretUnreadable: as `read_secret`, and where the value is not ASCII.

    """
    value = read_secret(reader, name)
    if not value.isascii():
        raise errors.SecretUnreadable(f"{name} holds characters that a header cannot hold: copy it again")
    return value
