"""The schema of the file of `--web.config.file`: the format of the Prometheus exporter toolkit.

Checks that concern several keys are in `loading`.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

import msgspec

#: Python's ssl does not support Go's two other types, which request certificates without verifying them.
ClientAuthType = Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"]
TlsVersionName = Literal["TLS10", "TLS11", "TLS12", "TLS13"]
CurveName = Literal["CurveP256", "CurveP384", "CurveP521", "X25519"]
#: Go's secure cipher suites; the toolkit refuses the others too.
CipherName = Literal[
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
]

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_TERM = re.compile(r"([0-9]{1,15}(?:\.[0-9]{0,15})?)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)


class GoDuration(float):
    """A length of time in seconds, written as Go's `time.ParseDuration` reads it: `1s`, `1.5s`, `1m30s`."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `text`; ValueError says how to write a duration. The only bare number is 0."""
        if text == "0":
            return cls(0)
        terms = _TERM.findall(text)
        if not terms or "".join(number + unit for number, unit in terms) != text:
            raise ValueError("not a duration: write it like 1s, 500ms or 1m30s")
        return cls(sum(float(number) * _UNITS[unit] for number, unit in terms))


class TlsServerConfig(msgspec.Struct, kw_only=True):
    """`tls_server_config`."""

    cert: str = ""
    key: str = ""
    client_ca: str = ""
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    client_auth_type: ClientAuthType = "NoClientCert"
    client_allowed_sans: list[str] | None = None
    min_version: TlsVersionName = "TLS12"
    max_version: TlsVersionName = "TLS13"
    cipher_suites: list[CipherName] = []
    curve_preferences: list[CurveName] = []
    prefer_server_cipher_suites: bool = True


class HttpServerConfig(msgspec.Struct, kw_only=True):
    """`http_server_config`. `http2` is accepted and has no effect: HTTP/1.1 is served."""

    http2: bool = True
    headers: dict[str, int | str] = {}


class RateLimit(msgspec.Struct, frozen=True):
    """`rate_limit`: a bucket of `burst` tokens that gains one each `interval`; an interval of 0 is no limit."""

    interval: GoDuration = GoDuration(0)
    burst: Annotated[int, msgspec.Meta(ge=0)] = 0


class WebConfigFile(msgspec.Struct, kw_only=True):
    """The whole file."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = msgspec.field(default_factory=HttpServerConfig)
    basic_auth_users: dict[str, str] = {}
    rate_limit: RateLimit = RateLimit()
