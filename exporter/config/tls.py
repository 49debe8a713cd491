"""Check the files of `api.tls_config`, so that connections can be made with them later."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from exporter.config.settings import TlsSettings
from exporter.yamlfile import Document, read_bytes

_MAX_SIZE = 8 << 20


def check_tls(tls: TlsSettings, document: Document[Any]) -> TlsSettings:
    """Return the settings with the fingerprint of their files; `document` gets the problems."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    digest = hashlib.sha256()
    for field in ("ca_file", "cert_file", "key_file"):
        content = _content(tls, field, document)
        digest.update(hashlib.sha256(content).digest())
    if tls.ca_file is not None and not document.reported(tls, "ca_file"):
        try:
            context.load_verify_locations(tls.ca_file)
        except OSError:
            document.report(tls, "ca_file", f"{tls.ca_file} does not hold PEM certificates")
    _check_certificate(tls, context, document)
    return replace(tls, fingerprint=digest.hexdigest()) if tls.ca_file or tls.cert_file else tls


def _content(tls: TlsSettings, field: str, document: Document[Any]) -> bytes:
    file = getattr(tls, field)
    try:
        return read_bytes(Path(file), _MAX_SIZE) if file is not None else b""
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        document.report(tls, field, f"cannot read {file}: {reason}")
        return b""


def _check_certificate(tls: TlsSettings, context: ssl.SSLContext, document: Document[Any]) -> None:
    if document.reported(tls, "cert_file", "key_file"):
        return
    if tls.cert_file is None or tls.key_file is None:
        if tls.cert_file != tls.key_file:
            document.report(
                tls, "key_file" if tls.cert_file else "cert_file", "is missing: give cert_file and key_file"
            )
        return
    try:
        # Without the callback OpenSSL asks for a password on the terminal.
        context.load_cert_chain(tls.cert_file, tls.key_file, password=lambda: "")
    except (OSError, ValueError):
        expected = f"a PEM certificate that fits the unencrypted key in {tls.key_file}"
        document.report(tls, "cert_file", f"{tls.cert_file} does not hold {expected}")
