"""What the configuration file may say: its keys, their types and defaults, and what a single value must be.

Knows the notation only. What must hold between keys is checked where the values are put together. That a required
text is there is checked there too: its default here is empty, so that what lacks it is looked at all the same.
"""

from __future__ import annotations

import ipaddress
import re
import warnings
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Meta

from exporter.config.settings import CorrectAnswers, TlsVersion
from exporter.config.units import Duration, Size
from exporter.yamlfile import SECRET

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST_PATTERN = 1000
_LONGEST_NAME = 100

YEAR = 365 * 86400.0


class Name(str):
    """Text that people read as a name: printable, on one line, at most 100 characters."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the name; ValueError when it cannot be one."""
        if not text.strip():
            raise ValueError("must not be empty")
        if text != text.strip() or _CONTROL.search(text):
            raise ValueError("must not begin or end with a space, or hold a control character")
        if len(text) > _LONGEST_NAME:
            raise ValueError(f"must be at most {_LONGEST_NAME} characters long")
        return cls(text)


class Identifier(str):
    """What Mimecast calls an application: goes into HTTP headers and forms, so visible ASCII only."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the identifier; ValueError when it cannot be one. Never repeats it."""
        if not text:
            raise ValueError("must not be empty")
        if not re.fullmatch("[!-~]+", text):
            raise ValueError("must be plain characters without spaces")
        return cls(text)


class FileName(str):
    """The name of a file, or a pattern of such names."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the name; ValueError when no file can have it."""
        if not text or "\0" in text:
            raise ValueError("must be the name of a file")
        return cls(text)


class TitlePattern(str):
    """A regular expression of Python's `re` for whole titles; `.` matches line breaks, as in Prometheus."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the expression; ValueError says at which character it is wrong."""
        if len(text) > _LONGEST_PATTERN:
            raise ValueError(f"must be at most {_LONGEST_PATTERN} characters long")
        try:
            cls(text).compiled()
        except re.error as error:
            where = "" if error.pos is None else f" at character {error.pos + 1}"
            raise ValueError(f"not a regular expression: {error.msg}{where}") from None
        except (OverflowError, RecursionError):
            raise ValueError("not a regular expression: a number is too large or brackets are too deep") from None
        return cls(text)

    def compiled(self) -> re.Pattern[str]:
        """Return the compiled expression."""
        with warnings.catch_warnings():
            # Of sets such as `[[a]` Python says that their meaning may change one day.
            warnings.simplefilter("ignore")
            return re.compile(str(self), re.DOTALL)


class BaseUrl(str):
    """Where an API is: https, a host, perhaps a port and a path prefix; without trailing slash."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the URL in its plainest form; ValueError says what is wrong with it. Never repeats it."""
        url = _split_url(text, "https://api.example")
        if url.scheme == "http" and not _is_loopback(url.hostname or ""):
            raise ValueError("must begin with https:// (plain http is for loopback addresses only)")
        if url.username is not None or url.query or url.fragment or text[-1] in "?#":
            raise ValueError("must be a host, and no user, query or fragment")
        if re.search(r"/(api|oauth)(/|$)", url.path):
            raise ValueError("must end before the path of the API: leave out what begins with /api or /oauth")
        return cls(f"{url.scheme}://{url.netloc.lower()}{url.path.rstrip('/')}")


class ProxyUrl(str):
    """Where a proxy is, perhaps with a user and a password."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the URL; ValueError says what is wrong with it. Never repeats it."""
        url = _split_url(text, "http://proxy.example:3128")
        if url.path.strip("/") or url.query or url.fragment:
            raise ValueError("must be a host and a port, and no path")
        return cls(text)


def _split_url(text: str, example: str) -> SplitResult:
    """Split a URL that has a host; ValueError never repeats it, because it may hold a password."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be a URL of plain characters without spaces")
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise ValueError("is not a URL: check the host and the port") from None
    if url.scheme not in {"https", "http"} or not host:
        raise ValueError(f"must be an http or https URL, such as {example}")
    if not _HOST.fullmatch(f"[{host}]" if ":" in host else host) or port == 0:
        raise ValueError("is not a URL: check the host and the port")
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


SecretText = Annotated[str, SECRET, Meta(min_length=1)]


class OAuth2Block(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials of API 2.0."""

    client_id: Identifier = Identifier("")
    client_secret: SecretText | None = None
    client_secret_file: FileName | None = None


class HmacBlock(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials of API 1.0."""

    app_id: Identifier = Identifier("")
    app_key: SecretText | None = None
    app_key_file: FileName | None = None
    access_key: SecretText | None = None
    access_key_file: FileName | None = None
    secret_key: SecretText | None = None
    secret_key_file: FileName | None = None


class CampaignsBlock(msgspec.Struct, frozen=True, kw_only=True):
    """Which campaigns are exported; what is None is off, or for an account as in the global block."""

    include: tuple[TitlePattern, ...] | None = None
    exclude: tuple[TitlePattern, ...] | None = None
    max_age: Annotated[Duration, Meta(gt=0, le=100 * YEAR)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class AccountBlock(msgspec.Struct, frozen=True, kw_only=True):
    """One account."""

    name: Name = Name("")
    base_url: BaseUrl | None = None
    region: str | None = None
    oauth2: OAuth2Block | None = None
    hmac: HmacBlock | None = None
    correct_answers: CorrectAnswers = "count"
    campaigns: CampaignsBlock = CampaignsBlock()
    labels: dict[str, str] = {}


class CacheBlock(msgspec.Struct, frozen=True, kw_only=True):
    """How long answers are kept."""

    ttl: Annotated[Duration, Meta(le=7 * 86400)] = Duration(300)
    max_stale: Annotated[Duration, Meta(le=30 * 86400)] = Duration(3600)


class TlsBlock(msgspec.Struct, frozen=True, kw_only=True):
    """What TLS connections to the API use."""

    ca_file: FileName | None = None
    cert_file: FileName | None = None
    key_file: FileName | None = None
    min_version: TlsVersion = "TLS12"


class ApiBlock(msgspec.Struct, frozen=True, kw_only=True):
    """How the API is called."""

    timeout: Annotated[Duration, Meta(ge=0.1, le=3600)] = Duration(30)
    max_response_size: Annotated[Size, Meta(ge=1 << 10, le=4 << 30)] = Size(64 << 20)
    concurrency: Annotated[int, Meta(ge=1, le=1000)] = 20
    proxy_url: Annotated[ProxyUrl, SECRET] | None = None
    no_proxy: tuple[str, ...] | str = ()
    tls_config: TlsBlock = TlsBlock()


class AccountFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that only adds accounts."""

    accounts: tuple[AccountBlock, ...]


class ConfigFile(msgspec.Struct, frozen=True, kw_only=True):
    """The main file."""

    accounts: tuple[AccountBlock, ...] = ()
    account_files: tuple[FileName, ...] = ()
    cache: CacheBlock = CacheBlock()
    campaigns: CampaignsBlock = CampaignsBlock()
    api: ApiBlock = ApiBlock()
