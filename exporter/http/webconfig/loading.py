"""Load the web configuration: the file of `--web.config.file`, and the certificates that it names.

Every problem is reported with file, line and key. No message contains key material or a password's hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt

from exporter.http.server.tls import UNVERIFIED, VERIFY_MODES, Tls, TlsError, TlsSettings
from exporter.http.webconfig.files import Contents, contents_of, digest
from exporter.http.webconfig.schema import HttpServerConfig, TlsServerConfig, WebConfigFile
from exporter.yamlfile import ConfigError, Document, read

__all__ = ["Loader", "RateLimit", "WebConfig", "WebConfigError", "load"]

#: Raised by `load`, with all problems.
WebConfigError = ConfigError

#: The headers the format allows; where it lists values, these.
_HEADERS: dict[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~\t]*[!-~])?", re.ASCII)
_BCRYPT = re.compile(r"(\$2[abxy]\$)([0-9]{2})(\$[./A-Za-z0-9]{53})", re.ASCII)
_HTTP2_CIPHERS = {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A bucket of `burst` requests that gains one each `interval` seconds."""

    interval: float
    burst: int


@dataclass(frozen=True, slots=True)
class WebConfig:
    """A web configuration that can be used; without arguments, plain HTTP without authentication.

    Attributes:
        tls: the TLS settings, None for plain HTTP; equal settings make equal contexts.
        server_tls: the same, ready for the server.
        headers: added to every answer.
        users: names and bcrypt hashes.
        rate_limit: how often requests are answered.
        files: every file that was read.
        remarks: what an operator should know although it is not an error.

    """

    tls: TlsSettings | None = None
    server_tls: Tls | None = field(default=None, compare=False)
    headers: tuple[tuple[str, str], ...] = ()
    users: dict[bytes, bytes] = field(default_factory=dict, repr=False)
    rate_limit: RateLimit | None = None
    files: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()


def load(path: Path | None) -> WebConfig:
    """Load a web configuration file; None stands for a file without settings.

    Raises:
        WebConfigError: with every problem of the file and of the files it names.

    """
    return WebConfig() if path is None else Loader(path).config()


class Loader:
    """Loads a web configuration file and the files it names, each read once.

    Attributes:
        files: every file that was read, also for a configuration that is refused.
        digest: the digest of their contents.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: dict[Path, Contents] = {path: contents_of(path)}
        self._document = _document(path, self._read[path])
        self._remarks: list[str] = []
        value = self._document.value
        tls = value.tls_server_config if value else None
        for name in [tls.cert_file, tls.key_file, tls.client_ca_file] if tls else []:
            if name:
                self._read[self._beside(name)] = contents_of(self._beside(name))
        self.files = tuple(self._read)
        self.digest = digest(self._read.values())

    def _beside(self, name: str) -> Path:
        """Resolve a name relative to the file that contains it."""
        return self._path.parent / name

    def config(self) -> WebConfig:
        """Return the configuration.

        Raises:
            WebConfigError: with every problem.
            OSError: the system had no memory or no files left to make a TLS context.

        """
        value = self._document.value
        if value is None:
            self._document.result()
            raise AssertionError("a document without value has problems")
        tls, server_tls = self._tls(value.tls_server_config, value.http_server_config)
        config = WebConfig(
            tls=tls,
            server_tls=server_tls,
            headers=tuple(self._headers(value.http_server_config)),
            users=self._users(value),
            rate_limit=self._rate_limit(value),
            files=self.files,
            remarks=tuple(self._remarks),
        )
        self._document.result()
        return config

    # Headers, users and the rate limit

    def _headers(self, http: HttpServerConfig) -> Iterable[tuple[str, str]]:
        for name, given in http.headers.items():
            value, key = str(given), f"headers.{name}"
            if name not in _HEADERS:
                message = f"this header cannot be configured; those that can are {', '.join(_HEADERS)}"
                self._document.report(http, key, message)
            elif not value:
                continue
            elif _HEADERS[name] and value not in _HEADERS[name]:
                self._document.report(http, key, f"must be {' or '.join(_HEADERS[name])}")
            elif not _HEADER_VALUE.fullmatch(value):
                self._document.report(http, key, "must be plain ASCII text on one line")
            else:
                yield name, value

    def _users(self, value: WebConfigFile) -> dict[bytes, bytes]:
        users = {}
        for name, hashed in value.basic_auth_users.items():
            fault = _user_fault(name, hashed)
            if fault:
                self._document.report(value, f"basic_auth_users.{name}", fault)
            users[name.encode()] = hashed.encode()
        return users

    def _rate_limit(self, value: WebConfigFile) -> RateLimit | None:
        limit = value.rate_limit
        if not limit.interval:
            return None
        if not limit.burst:
            self._remarks.append("rate_limit.burst is 0, so every request is refused")
        return RateLimit(float(limit.interval), limit.burst)

    # TLS

    def _tls(self, tls: TlsServerConfig | None, http: HttpServerConfig) -> tuple[TlsSettings, Tls] | tuple[None, None]:
        if tls is None or (tls == TlsServerConfig() and not self._document.reported(tls, "")):
            return None, None
        problems = len(self._document.problems)
        cert = self._pem(tls, "cert", needed=True)
        key = self._pem(tls, "key", needed=True)
        client_ca = self._pem(tls, "client_ca", needed=False)
        self._check_clients(tls, client_ca)
        self._check_ciphers(tls, http)
        if len(tls.curve_preferences) > 1:
            message = "several curves cannot be given here, as Python's ssl takes one only: name one, or none for all"
            self._document.report(tls, "curve_preferences", message)
        if len(self._document.problems) > problems or cert is None or key is None:
            return None, None
        return self._usable(tls, _settings(tls, cert, key, client_ca))

    def _usable(self, tls: TlsServerConfig, settings: TlsSettings) -> tuple[TlsSettings, Tls] | tuple[None, None]:
        try:
            return settings, Tls(settings.context(), settings.admits())
        except TlsError as error:
            in_file = f"{error.key}_file"
            key = in_file if getattr(tls, in_file, "") else error.key
            self._document.report(tls, key, str(error))
        return None, None

    def _pem(self, tls: TlsServerConfig, name: str, *, needed: bool) -> bytes | None:
        """Return the inline text or the file's contents; None without either, or when a problem was reported."""
        inline, file = getattr(tls, name), getattr(tls, f"{name}_file")
        if inline and file:
            self._document.report(tls, name, f"give {name} or {name}_file, not both")
            return None
        if file:
            return self._contents(tls, f"{name}_file", self._beside(file))
        if not inline and needed and not self._document.reported(tls, name, f"{name}_file"):
            self._document.report(tls, "", f"missing one of {name} or {name}_file")
        return inline.encode() if inline else None

    def _contents(self, tls: TlsServerConfig, key: str, path: Path) -> bytes | None:
        contents = self._read[path]
        if isinstance(contents, bytes):
            return contents
        self._document.report(tls, key, f"{path} cannot be read: {contents}")
        return None

    def _check_clients(self, tls: TlsServerConfig, client_ca: bytes | None) -> None:
        policy = tls.client_auth_type or "NoClientCert"
        verified = [name for name, mode in VERIFY_MODES.items() if mode]
        if policy in UNVERIFIED:
            message = "asks for certificates without verifying them, which Python's ssl cannot do"
            self._document.report(tls, "client_auth_type", f"{policy} {message}: use {' or '.join(verified)}")
        elif policy not in VERIFY_MODES:
            self._document.report(tls, "client_auth_type", f"must be {', '.join(VERIFY_MODES)}")
        elif policy not in verified:
            self._check_no_clients(tls)
        if tls.client_allowed_sans is not None and policy == "VerifyClientCertIfGiven":
            message = "a client without any certificate would be let in: set client_auth_type to"
            self._document.report(tls, "client_allowed_sans", f"{message} RequireAndVerifyClientCert")
        if policy in verified and not (tls.client_ca or tls.client_ca_file):
            self._remarks.append(
                f"client_auth_type is {policy} without client_ca_file: "
                "certificates of every authority this system trusts are accepted"
            )

    def _check_no_clients(self, tls: TlsServerConfig) -> None:
        cure = "set client_auth_type to RequireAndVerifyClientCert"
        for name in ("client_ca", "client_ca_file"):
            if getattr(tls, name):
                self._document.report(tls, name, f"a client CA without a client_auth_type verifies nobody: {cure}")
        if tls.client_allowed_sans is not None:
            self._document.report(tls, "client_allowed_sans", f"verifies nobody without a client_auth_type: {cure}")

    def _check_ciphers(self, tls: TlsServerConfig, http: HttpServerConfig) -> None:
        """Refuse, as Go does, to offer HTTP/2 without one of two cipher suites."""
        if self._document.reported(tls, "cipher_suites", "min_version") or self._document.reported(http, "http2"):
            return
        if (
            http.http2
            and tls.cipher_suites
            and tls.min_version != "TLS13"
            and not _HTTP2_CIPHERS & {*tls.cipher_suites}
        ):
            message = f"HTTP/2 requires one of {' or '.join(sorted(_HTTP2_CIPHERS))}: add one, or set http2: false"
            self._document.report(tls, "cipher_suites", message)


def _document(path: Path, contents: Contents) -> Document[WebConfigFile]:
    if isinstance(contents, bytes):
        return read(contents, WebConfigFile, file=str(path))
    document: Document[WebConfigFile] = Document(str(path))
    document.add("", f"cannot be read: {contents}")
    return document


def _settings(tls: TlsServerConfig, cert: bytes, key: bytes, client_ca: bytes | None) -> TlsSettings:
    sans = tls.client_allowed_sans
    return TlsSettings(
        cert=cert,
        key=key,
        client_ca=client_ca,
        client_auth_type=tls.client_auth_type or "NoClientCert",
        client_allowed_sans=None if sans is None else tuple(sans),
        min_version=tls.min_version,
        max_version=tls.max_version,
        cipher_suites=tuple(tls.cipher_suites),
        curve=tls.curve_preferences[0] if tls.curve_preferences else None,
        prefer_server_cipher_suites=tls.prefer_server_cipher_suites,
    )


def _user_fault(name: str, hashed: str) -> str:
    """Return what is wrong with a user, or an empty text."""
    if ":" in name:
        return "a user name with a colon can never be given"
    parts = _BCRYPT.fullmatch(hashed)
    if parts is None:
        return "is no bcrypt hash: make one with htpasswd -nBC 10 ''"
    if not 4 <= int(parts[2]) <= 31:
        return "is no bcrypt hash: its cost is not between 4 and 31"
    try:
        # The cheapest cost, only to see whether the library takes the rest.
        bcrypt.checkpw(b"", f"{parts[1]}04{parts[3]}".encode())
    except ValueError:
        return "is no bcrypt hash: its salt cannot be read"
    return ""
