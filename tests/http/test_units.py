"""The systemd units, as systemd itself judges them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
_ANALYZE = shutil.which("systemd-analyze")

needs_systemd = pytest.mark.skipif(_ANALYZE is None, reason="systemd-analyze is not installed")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program that exists here."""
    for unit in _UNITS.glob("mimecast-exporter.*"):
        text = unit.read_text().replace("/opt/mimecast-exporter/bin/mimecast-exporter", sys.executable)
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    assert _ANALYZE is not None
    return subprocess.run([_ANALYZE, *map(str, arguments)], capture_output=True, text=True, check=False)


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units(units: Path) -> None:
    done = analyze("verify", "--man=no", units / "mimecast-exporter.service", units / "mimecast-exporter.socket")
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_the_service_is_hardly_exposed(units: Path) -> None:
    # In tenths; systemd calls up to 20 fine and an unconfined service 96.
    done = analyze("security", "--offline=true", "--threshold=15", units / "mimecast-exporter.service")
    assert done.returncode == 0, done.stdout


def test_the_service_takes_the_socket_units_sockets() -> None:
    service = (_UNITS / "mimecast-exporter.service").read_text()
    assert "--web.systemd-socket" in service
    assert "Requires=mimecast-exporter.socket" in service
    assert re.search(r"^ListenStream=10587$", (_UNITS / "mimecast-exporter.socket").read_text(), re.MULTILINE)
