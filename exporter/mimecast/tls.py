"""TLS towards the API and the proxy: whose certificates are trusted, and what a failure means."""

from __future__ import annotations

import ssl

import certifi

from . import errors

#: What OpenSSL reports (X509_V_ERR_*) where a certificate is sound and breaks a form that only strict checks demand.
_STRICTNESS = range(80, 94)
_NOT_YET_VALID, _EXPIRED = 9, 10


def client_context(
    *,
    ca_file: str | None = None,
    cert_file: str | None = None,
    key_file: str | None = None,
    min_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
) -> ssl.SSLContext:
    """Return a context that trusts `ca_file`, or else the public authorities.

    Authorities that companies make for themselves often lack what Python 3.13 and later demand (RFC 5280 in full).
    Whoever names one in `ca_file` trusts it as it is, so that demand is dropped there.

    Raises:
        OSError: a file cannot be used (ssl.SSLError is one).

    """
    context = ssl.create_default_context(cafile=ca_file or certifi.where())
    context.minimum_version = min_version
    if ca_file:
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if cert_file:
        context.load_cert_chain(cert_file, key_file)
    return context


def tls_failure(error: ssl.SSLError, host: str) -> errors.TlsFailed:
    """Return what went wrong between here and `host`, in OpenSSL's words, and what to do."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return errors.TlsFailed(f"no TLS connection to {host} ({error.reason or 'handshake failed'}): {_CHECK_TLS}")
    told = f"the certificate of {host} is not trusted ({error.verify_message})"
    if error.verify_code in _STRICTNESS:
        return errors.TlsFailed(f"{told}: {_ACCEPT_LENIENTLY}")
    if error.verify_code in (_NOT_YET_VALID, _EXPIRED):
        return errors.TlsFailed(f"{told}: check the clock of this machine, and the certificate")
    return errors.TlsFailed(f"{told}: check the host, or name its CA in api.tls_config.ca_file")


_CHECK_TLS = "check base_url (or region) and api.tls_config"
_ACCEPT_LENIENTLY = (
    "this Python demands certificates that follow RFC 5280 in full, and a company's own CA often does not; "
    "name that CA in api.tls_config.ca_file, which is verified without this demand"
)
