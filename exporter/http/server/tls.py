"""Create the server's TLS context from settings with Go's names, and check clients' certificates.

A setting that Python's ssl does not support is an error; none is ignored.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import re
import ssl
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_LOGGER = logging.getLogger(__name__)

#: Cipher suites up to TLS 1.2: Go's names to OpenSSL's.
OPENSSL_CIPHERS = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
}
OPENSSL_CURVES = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
VERIFY_MODES = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: A certificate between comments in any encoding; the last group matches only if it is complete.
_CERTIFICATE = re.compile(
    rb"^-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----(\s[A-Za-z0-9+/=\s]+-----END \1-----)?", re.ASCII | re.MULTILINE
)
#: The response to a plain HTTP request on a TLS port, with Go's message.
_PLAIN_REQUEST = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 48\r\n"
    b"Connection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
)


class TlsError(ValueError):
    """A TLS setting (`key`) cannot be used. The message never contains key material."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class Tls:
    """A server's TLS context, and the names of which a client's certificate needs one; None for any."""

    context: ssl.SSLContext = field(compare=False)
    allowed_names: Collection[str] | None = None
    settings: TlsSettings | None = None

    def admits(self, peer: Mapping[str, Any] | None) -> bool:
        """Return whether a client with this verified certificate may connect; log a refusal."""
        if self.allowed_names is None:
            return True
        names = alternative_names(peer or {})
        if not names.isdisjoint(self.allowed_names):
            return True
        message = "client certificate refused: client_allowed_sans has none of its names"
        _LOGGER.warning(message, extra={"names": ", ".join(sorted(names))})
        return False


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """The settings of a context, with Go's names.

    Certificates and the key are PEM. Without `client_ca` clients are verified against the system's authorities.
    """

    cert: bytes
    key: bytes
    client_ca: bytes | None = None
    client_auth_type: str = "NoClientCert"
    client_allowed_sans: Sequence[str] | None = None
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: Sequence[str] = ()
    curve_preferences: Sequence[str] = ()
    prefer_server_cipher_suites: bool = True

    def __repr__(self) -> str:
        return f"<TlsSettings {self.client_auth_type}>"

    def tls(self) -> Tls:
        """Create the context; raise TlsError if OpenSSL refuses a setting."""
        context = _Context(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        _set_versions(context, self)
        _set_ciphers(context, self)
        _set_curve(context, self.curve_preferences)
        _load_certificate(context, self.cert, self.key)
        _set_client_verification(context, self)
        return Tls(context, self.client_allowed_sans, self)


def alternative_names(peer: Mapping[str, Any]) -> set[str]:
    """Return the DNS, e-mail, URI and IP names of a certificate from `getpeercert`; IP addresses as Go writes them."""
    names = set()
    for kind, name in peer.get("subjectAltName", ()):
        if kind in ("DNS", "email", "URI"):
            names.add(name)
        elif kind == "IP Address":
            with contextlib.suppress(ValueError):
                names.add(str(ipaddress.ip_address(name.strip())))
    return names


def _set_versions(context: ssl.SSLContext, settings: TlsSettings) -> None:
    lowest, highest = VERSIONS[settings.min_version], VERSIONS[settings.max_version]
    if lowest > highest:
        raise TlsError("min_version", "is above max_version")
    if settings.cipher_suites and not _old_ciphers(settings):
        # With suites of TLS 1.3 only, lower versions have none in common.
        if highest < ssl.TLSVersion.TLSv1_3:
            raise TlsError("cipher_suites", f"has no cipher suite that {settings.max_version} can use")
        lowest = ssl.TLSVersion.TLSv1_3
    with warnings.catch_warnings():
        # TLS10 and TLS11 in the file are deliberate.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = lowest, highest
    if lowest < ssl.TLSVersion.TLSv1_2:
        # OpenSSL's default security level does not allow these versions.
        context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:@SECLEVEL=0")


def _old_ciphers(settings: TlsSettings) -> list[str]:
    return [OPENSSL_CIPHERS[name] for name in settings.cipher_suites if name in OPENSSL_CIPHERS]


def _set_ciphers(context: ssl.SSLContext, settings: TlsSettings) -> None:
    if settings.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    suites = _old_ciphers(settings)
    if not suites:
        return
    # OpenSSL ignores unknown suites unless all are unknown.
    with contextlib.suppress(ssl.SSLError):
        context.set_ciphers(":".join(suites))
    if missing := set(suites) - {cipher["name"] for cipher in context.get_ciphers()}:
        raise TlsError("cipher_suites", f"this machine's OpenSSL does not offer {', '.join(sorted(missing))}")


def _set_curve(context: ssl.SSLContext, curves: Sequence[str]) -> None:
    if len(curves) > 1:
        message = "Python's ssl supports one curve only: name one, or none for all"
        raise TlsError("curve_preferences", message)
    for curve in curves:
        try:
            context.set_ecdh_curve(OPENSSL_CURVES[curve])
        except (ValueError, ssl.SSLError):
            raise TlsError("curve_preferences", f"this machine's OpenSSL does not offer {curve}") from None


def _set_client_verification(context: ssl.SSLContext, settings: TlsSettings) -> None:
    context.verify_mode = VERIFY_MODES[settings.client_auth_type]
    if context.verify_mode == ssl.CERT_NONE:
        return
    # As in Go, an intermediate certificate can be a trusted authority.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if settings.client_ca is None:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return
    found = list(_CERTIFICATE.finditer(settings.client_ca.removeprefix(_BYTE_ORDER_MARK)))
    if not found:
        raise TlsError("client_ca", "holds no certificate in PEM form")
    if not all(match[2] for match in found):
        raise TlsError("client_ca", "holds a certificate that is not in PEM form from its first to its last line")
    try:
        context.load_verify_locations(cadata="\n".join(match[0].decode("ascii") for match in found))
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "not readable"
        raise TlsError("client_ca", f"holds a certificate that cannot be used: {reason}") from None


def _load_certificate(context: ssl.SSLContext, cert: bytes, key: bytes) -> None:
    cert, key = cert.removeprefix(_BYTE_ORDER_MARK), key.removeprefix(_BYTE_ORDER_MARK)
    if b"-----BEGIN CERTIFICATE-----" not in cert:
        raise TlsError("cert", "holds no certificate in PEM form")
    if b"PRIVATE KEY-----" not in key:
        raise TlsError("key", "holds no private key in PEM form")
    if b"ENCRYPTED" in key:
        raise TlsError("key", "is encrypted: give the key without a passphrase")
    try:
        with _as_file(cert) as cert_file, _as_file(key) as key_file:
            # Without this, OpenSSL prompts for a password.
            context.load_cert_chain(cert_file, key_file, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsError("key", "does not belong to the certificate") from None
        raise TlsError("cert", f"cannot be used with its key: {error.reason or 'not readable'}") from None


@contextlib.contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """Yield the name of a file in memory with these contents, because OpenSSL reads keys only from files."""
    with os.fdopen(os.memfd_create("pem"), "wb", buffering=0) as stream:
        stream.write(data)
        yield f"/proc/self/fd/{stream.fileno()}"


class _Handshake(ssl.SSLObject):
    """A handshake that sends its TLS alert when it fails; event loops discard OpenSSL's last output."""

    outgoing: ssl.MemoryBIO
    _error: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        """Continue the handshake. A failure is first reported as waiting for data, so that the loop sends the alert."""
        if self._error is not None:
            raise self._error
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self._error = error
            if error.reason == "HTTP_REQUEST":
                self.outgoing.write(_PLAIN_REQUEST)
            raise ssl.SSLWantReadError from error


class _Context(ssl.SSLContext):
    """A context for `_Handshake`, which writes to its outgoing buffer."""

    sslobject_class = _Handshake

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **named: Any) -> ssl.SSLObject:
        """Start a handshake."""
        handshake = super().wrap_bio(incoming, outgoing, *args, **named)
        if isinstance(handshake, _Handshake):
            handshake.outgoing = outgoing
        return handshake
