"""Check the files of `api.tls_config`, so that connections can be made with them later."""

from __future__ import annotations

import ssl
from typing import Any

from msgspec.structs import replace

from exporter.config.settings import TlsSettings
from exporter.yamlfile import Document


def check_tls(tls: TlsSettings, document: Document[Any]) -> TlsSettings:
    """Return the settings with the fingerprint of their files; `document` gets the problems."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca_file:
        try:
            context.load_verify_locations(tls.ca_file)
        except OSError:
            document.report(tls, "ca_file", f"{tls.ca_file} does not hold PEM certificates")
    if tls.cert_file and tls.key_file:
        try:
            # Without the callback OpenSSL asks for a password on the terminal.
            context.load_cert_chain(tls.cert_file, tls.key_file, password=lambda: "")
        except (OSError, ValueError):
            expected = f"a PEM certificate that fits the unencrypted key in {tls.key_file}"
            document.report(tls, "cert_file", f"{tls.cert_file} does not hold {expected}")
    elif (tls.cert_file or tls.key_file) and not document.reported(tls, "cert_file", "key_file"):
        document.report(tls, "key_file" if tls.cert_file else "cert_file", "is missing: give cert_file and key_file")
    files = (tls.ca_file, tls.cert_file, tls.key_file)
    return replace(tls, fingerprint="".join(getattr(file, "digest", "") for file in files))
