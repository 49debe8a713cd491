"""Whether the files of a configuration have changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from exporter.config.loading import account_files
from exporter.config.settings import Config
from exporter.yamlfile import MAX_BYTES, read_bytes


def digest_of_files(config: Config) -> bytes:
    """Return a digest of the configuration file, the account files that exist now, and the files of `api.tls_config`.

    A file that cannot be read counts as empty. Secret files are left out: they are read at each use.
    """
    tls = config.api.tls_config
    named = (Path(file) for file in (tls.ca_file, tls.cert_file, tls.key_file) if file)
    digest = hashlib.sha256()
    for file in (Path(config.source), *account_files(config.account_files, Path(config.source)), *named):
        try:
            content = read_bytes(file, MAX_BYTES)
        except (OSError, ValueError):
            content = b""
        digest.update(f"{file}\0{len(content)}\0".encode(errors="surrogateescape"))
        digest.update(content)
    return digest.digest()
