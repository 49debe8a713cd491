"""Signals that reach the exporter while it starts, as an ordinary process and as process 1."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_MODULE = [sys.executable, "-m", "tests.http.early_signal"]
_AS_PROCESS_1 = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
#: Signals come with these imports: the first, some in the middle, and one late in the start.
_IMPORTS = [1, 2, 7, 40, 150, 300]


def _has_namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_AS_PROCESS_1, "true"], capture_output=True, check=False).returncode == 0


@pytest.fixture(
    params=[
        "process",
        pytest.param(
            "process 1", marks=pytest.mark.skipif(not _has_namespaces(), reason="NOT TRIED: no user namespaces here")
        ),
    ]
)
def command(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The start of a command line; the number of the import and that of the signal follow."""
    (tmp_path / "config.yaml").write_text(
        "accounts: [{name: acme, base_url: 'http://127.0.0.1:1', "
        "hmac: {app_id: a, app_key: b, access_key: c, secret_key: YQ==}}]"
    )
    return [*(_AS_PROCESS_1 if request.param == "process 1" else []), *_MODULE]


def _start(command: list[str], nth: int, number: signal.Signals, folder: Path) -> subprocess.Popen[str]:
    flags = [f"--config.file={folder}/config.yaml", "--web.listen-address=127.0.0.1:0"]
    line = [*command, str(nth), str(int(number)), *flags]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("nth", _IMPORTS)
def test_a_signal_to_stop_during_the_start_ends_the_process_with_status_0(
    command: list[str], tmp_path: Path, nth: int, number: signal.Signals
) -> None:
    process = _start(command, nth, number, tmp_path)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "")


@pytest.mark.parametrize("nth", _IMPORTS)
def test_sighup_during_the_start_is_a_reload_once_the_exporter_serves(
    command: list[str], tmp_path: Path, nth: int
) -> None:
    process = _start(command, nth, signal.SIGHUP, tmp_path)
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "configuration loaded" in line:
                break
        assert any("msg=listening" in line for line in lines), lines
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
