"""The web configuration file: a WebConfig or a WebConfigError that names the file, and shows no password's hash."""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path

from exporter.http.webconfig.loading import Loader, WebConfigError
from fuzzing.configuration import BOUND

_HASH = "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"
_USERS = f"basic_auth_users:\n  alice: {_HASH}\n"
_REST = (
    "http_server_config:\n  http2: false\n  headers: {X-Frame-Options: deny}\nrate_limit: {interval: 1s, burst: 5}\n"
)
_TLS = "tls_server_config:\n  cert_file: a.pem\n  key_file: b.pem\n  client_auth_type: NoClientCert\n"
_TLS += "  min_version: TLS12\n"
SEEDS = [_USERS.encode(), (_USERS + _REST).encode(), _TLS.encode()]
WORDS = [
    b"tls_server_config:",
    b"basic_auth_users:",
    b"cipher_suites:",
    b"client_ca_file:",
    b"&a ",
    b"*a",
    _HASH.encode(),
]


def hold(data: bytes) -> None:
    """Load a file with these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "web.yaml"
        path.write_bytes(data)
        began = time.monotonic()
        try:
            config = Loader(path).config()
        except WebConfigError as error:
            assert str(path) in str(error), "the file is not named"
            assert not re.search(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}", str(error)), "a hash is shown"
        else:
            for name, value in config.headers:
                assert (name + value).isprintable() or "\t" in value
        assert time.monotonic() - began < BOUND
