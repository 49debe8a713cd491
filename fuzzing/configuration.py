"""Fuzz the configuration file: it gives a Config or a ConfigError that names the file, fast, and shows no secret."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from exporter.config import Catalog, ConfigError, load_file, redacted

#: Seconds within which any file is read, on a machine busy with other things.
BOUND = 10.0
#: A text that stands where secrets stand in the seeds.
SECRET = "kept-from-everybody"  # noqa: S105 - the fake that must not be seen
_ACCOUNT = f"accounts:\n- name: a\n  oauth2: {{client_id: b, client_secret: {SECRET}}}\n"
_CATALOG = Catalog(collectors={"campaigns": True, "phishing": False}, labels=frozenset({"account"}))
_EXAMPLE = Path(__file__).parent.parent / "config.example.yaml"
_BOMB = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n"
SEEDS = [_EXAMPLE.read_bytes(), _ACCOUNT.encode(), _BOMB.encode(), b"[" * 2000, b"accounts: {a: 1, a: 2}\n"]
WORDS = [
    b"accounts:",
    b"oauth2:",
    b"hmac:",
    b"client_secret:",
    b"client_secret_file:",
    b"collectors:",
    b"no_proxy:",
    b"proxy_url:",
    b"<<: *a",
    b"&a ",
    b"!!python/object",
    b"${X}",
    b"!!binary ",
]


def hold(data: bytes) -> None:
    """Load a file with these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_bytes(data)
        began = time.monotonic()
        try:
            redacted(load_file(path, environ={}, catalog=_CATALOG)).encode()
        except ConfigError as error:
            assert str(path) in str(error), "the file is not named"
            # Where the fuzzer moved the text to a place that holds no secret, it may well be shown.
            assert f"client_secret: {SECRET}" not in str(error)
        assert time.monotonic() - began < BOUND
