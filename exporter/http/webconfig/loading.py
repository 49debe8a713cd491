"""Load the web configuration: the file of `--web.config.file`, and the certificates that it names.

Every problem is reported with file, line and key. No message contains key material or a password's hash.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path

from exporter.http.server.tls import Tls, TlsError, TlsSettings
from exporter.http.webconfig.schema import HttpServerConfig, RateLimit, TlsServerConfig, WebConfigFile
from exporter.yamlfile import ConfigError, Document, read, read_bytes

_LOGGER = logging.getLogger(__name__)

WebConfigError = ConfigError
Files = dict[Path, bytes | str]
_MAX_SIZE = 1 << 20

#: The headers that the format allows, with the allowed values if it restricts them.
_HEADERS: dict[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~\t]*[!-~])?", re.ASCII)
_BCRYPT = re.compile(r"(\$2[abxy]\$)(?:0[4-9]|[12][0-9]|3[01])(\$[./A-Za-z0-9]{53})", re.ASCII)


@dataclass(frozen=True, slots=True)
class WebConfig:
    """A valid web configuration. Without arguments it is plain HTTP without authentication."""

    tls: Tls | None = None
    headers: tuple[tuple[str, str], ...] = ()
    users: dict[bytes, bytes] = field(default_factory=dict, repr=False)
    rate_limit: RateLimit | None = None


def read_files(paths: Iterable[Path]) -> Files:
    """Read files. Their contents show changes; modification times are unreliable with symbolic links and mounts."""
    return {path: _read(path) for path in paths}


def _read(path: Path) -> bytes | str:
    try:
        return read_bytes(path, _MAX_SIZE)
    except OSError as error:
        return error.strerror or "unknown reason"


class Loader:
    """Loads a web configuration file and the files it names, each read once.

    Attributes:
        files: every file that was read, even if the configuration is refused.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.files = read_files([path])
        self._document = _document(path, self.files[path])
        value = self._document.value
        tls = value.tls_server_config if value else None
        names = [tls.cert_file, tls.key_file, tls.client_ca_file] if tls else []
        self.files |= read_files({self._beside(name) for name in names if name} - {path})

    def _beside(self, name: str) -> Path:
        """Resolve a name relative to the file that contains it."""
        return self._path.parent / name

    def config(self) -> WebConfig:
        """Return the configuration.

        Raises:
            WebConfigError: with every problem.
            OSError: the system has no memory or file descriptors left for a TLS context.
        """
        value = self._document.value
        if value is None:
            self._document.result()
            raise AssertionError("a document without value has problems")
        config = WebConfig(
            tls=self._tls(value.tls_server_config),
            headers=tuple(self._headers(value.http_server_config)),
            users=self._users(value),
            rate_limit=value.rate_limit if value.rate_limit.interval else None,
        )
        self._document.result()
        return config

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

    def _tls(self, tls: TlsServerConfig | None) -> Tls | None:
        if tls is None or (tls == TlsServerConfig() and not self._document.reported(tls, "")):
            return None
        problems = len(self._document.problems)
        cert = self._pem(tls, "cert", needed=True)
        key = self._pem(tls, "key", needed=True)
        client_ca = self._pem(tls, "client_ca", needed=False)
        self._check_clients(tls)
        if len(self._document.problems) > problems or cert is None or key is None:
            return None
        # The other settings have the same names in the file.
        others = {setting.name for setting in fields(TlsSettings)} - {"cert", "key", "client_ca"}
        try:
            return TlsSettings(cert, key, client_ca, **{name: getattr(tls, name) for name in others}).tls()
        except TlsError as error:
            in_file = f"{error.key}_file"
            self._document.report(tls, in_file if getattr(tls, in_file, "") else error.key, str(error))
        return None

    def _pem(self, tls: TlsServerConfig, name: str, *, needed: bool) -> bytes | None:
        """Return the inline text or the file's contents; None if neither can be used."""
        inline, file = getattr(tls, name), getattr(tls, f"{name}_file")
        if inline and file:
            self._document.report(tls, name, f"give {name} or {name}_file, not both")
        elif file:
            path = self._beside(file)
            contents = self.files[path]
            if isinstance(contents, bytes):
                return contents
            self._document.report(tls, f"{name}_file", f"{path} cannot be read: {contents}")
        elif needed and not inline and not self._document.reported(tls, name, f"{name}_file"):
            self._document.report(tls, "", f"missing one of {name} or {name}_file")
        return inline.encode() if inline else None

    def _check_clients(self, tls: TlsServerConfig) -> None:
        if self._document.reported(tls, "client_auth_type"):
            return
        policy, remedy = tls.client_auth_type, "set client_auth_type to RequireAndVerifyClientCert"
        if tls.client_allowed_sans is not None and policy != "RequireAndVerifyClientCert":
            self._document.report(tls, "client_allowed_sans", f"lets in clients without any certificate: {remedy}")
        for name in ("client_ca", "client_ca_file"):
            if getattr(tls, name) and policy == "NoClientCert":
                self._document.report(tls, name, f"a client CA without a client_auth_type verifies nobody: {remedy}")
        if policy != "NoClientCert" and not (tls.client_ca or tls.client_ca_file):
            message = "client_auth_type is %s without client_ca_file: every authority this system trusts is accepted"
            _LOGGER.warning(message, policy)


def _document(path: Path, contents: bytes | str) -> Document[WebConfigFile]:
    if isinstance(contents, bytes):
        return read(contents, WebConfigFile, file=str(path))
    document: Document[WebConfigFile] = Document(str(path))
    document.add("", f"cannot be read: {contents}")
    return document


def _user_fault(name: str, hashed: str) -> str:
    """Return the error of a user, or an empty text."""
    import bcrypt  # noqa: PLC0415 - without users nothing needs it

    if ":" in name:
        return "a user name must not contain a colon"
    parts = _BCRYPT.fullmatch(hashed)
    if parts is not None:
        # With the lowest cost, to check that the library accepts the hash.
        with contextlib.suppress(ValueError):
            bcrypt.checkpw(b"", f"{parts[1]}04{parts[2]}".encode())
            return ""
    return "is not a bcrypt hash: make one with htpasswd -nBC 10 ''"
