"""Make the server's TLS context of settings with Go's names, and judge clients' certificates.

A setting that Python's ssl cannot express is an error, never ignored.
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

#: Go's names of the cipher suites up to TLS 1.2 to OpenSSL's.
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
#: A certificate among whatever comments a file has, in whatever encoding; the last group is there for a whole one.
_CERTIFICATE = re.compile(
    rb"^-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----(\s[A-Za-z0-9+/=\s]+-----END \1-----)?", re.ASCII | re.MULTILINE
)
#: The answer to a plain request on a TLS port: Go's sentence, with a length so that the client does not wait.
_PLAIN_REQUEST = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 48\r\n"
    b"Connection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
)


class TlsError(ValueError):
    """The settings make no context. `key` is the setting at fault; the text never holds key material."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class Tls:
    """What a server demands: its context, and the names of which a client's certificate needs one, None for any."""

    context: ssl.SSLContext = field(compare=False)
    allowed_names: Collection[str] | None = None
    #: What the context was made of.
    settings: TlsSettings | None = None

    def admits(self, peer: Mapping[str, Any] | None) -> bool:
        """Judge a client by its verified certificate, and log a refusal."""
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
    """Everything a context is made of; two equal settings make two equal contexts. Names are Go's.

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
        """Make a context.

        Raises:
            TlsError: OpenSSL does not take one of the settings.

        """
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
        # Suites of TLS 1.3 alone leave nothing to agree on below it.
        if highest < ssl.TLSVersion.TLSv1_3:
            raise TlsError("cipher_suites", f"has no cipher suite that {settings.max_version} can use")
        lowest = ssl.TLSVersion.TLSv1_3
    with warnings.catch_warnings():
        # Whoever writes TLS10 or TLS11 into the file has decided so.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = lowest, highest
    if lowest < ssl.TLSVersion.TLSv1_2:
        # OpenSSL's usual security level refuses what these versions need, which would be to ignore the setting.
        context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:@SECLEVEL=0")


def _old_ciphers(settings: TlsSettings) -> list[str]:
    return [OPENSSL_CIPHERS[name] for name in settings.cipher_suites if name in OPENSSL_CIPHERS]


def _set_ciphers(context: ssl.SSLContext, settings: TlsSettings) -> None:
    if settings.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    wanted = _old_ciphers(settings)
    if not wanted:
        return
    # OpenSSL leaves out silently what it does not have, unless it has none of them.
    with contextlib.suppress(ssl.SSLError):
        context.set_ciphers(":".join(wanted))
    if missing := set(wanted) - {cipher["name"] for cipher in context.get_ciphers()}:
        raise TlsError("cipher_suites", f"this machine's OpenSSL does not offer {', '.join(sorted(missing))}")


def _set_curve(context: ssl.SSLContext, curves: Sequence[str]) -> None:
    if len(curves) > 1:
        message = "several curves cannot be given here, as Python's ssl takes one only: name one, or none for all"
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
    # As in Go, every certificate given as an authority is one, also if another signed it.
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
            # Without a password OpenSSL would ask the terminal for one.
            context.load_cert_chain(cert_file, key_file, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsError("key", "does not belong to the certificate") from None
        raise TlsError("cert", f"cannot be used with its key: {error.reason or 'not readable'}") from None


@contextlib.contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """Yield the name of a file in memory with these contents: OpenSSL reads keys from files only."""
    with os.fdopen(os.memfd_create("pem"), "wb", buffering=0) as stream:
        stream.write(data)
        yield f"/proc/self/fd/{stream.fileno()}"


class _Handshake(ssl.SSLObject):
    """A handshake that tells the client why it failed; event loops drop what OpenSSL has to say with an error."""

    outgoing: ssl.MemoryBIO
    _error: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        """Continue the handshake. A failure first looks like waiting for the client, so that the loop sends the alert.

        Raises:
            ssl.SSLError: the handshake failed; or it waits, as the subclasses for waiting say.

        """
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
    """A context whose handshakes know where to write what they have to say."""

    sslobject_class = _Handshake

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **named: Any) -> ssl.SSLObject:
        """Start a handshake."""
        handshake = super().wrap_bio(incoming, outgoing, *args, **named)
        if isinstance(handshake, _Handshake):
            handshake.outgoing = outgoing
        return handshake
