"""The real servers that tests talk to: from PATH, else Debian's packages unpacked into `.cache/`, installing nothing.

Where neither is possible the tests that need them are skipped, and say so; `.ci/run` takes a skip for a failure.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CACHE = Path(__file__).parent.parent / ".cache" / "servers"

#: Where Debian's Alertmanager has its templates.
ALERTMANAGER_TEMPLATES = "/usr/share/prometheus/alertmanager"

#: Tool: the names it goes by, and Debian's package that has it.
TOOLS = {
    "prometheus": (("prometheus",), "prometheus"),
    "promtool": (("promtool",), "prometheus"),
    "alertmanager": (("alertmanager", "prometheus-alertmanager"), "prometheus-alertmanager"),
    "amtool": (("amtool",), "prometheus-alertmanager"),
    "nginx": (("nginx",), "nginx-light"),
    "pushgateway": (("pushgateway", "prometheus-pushgateway"), "prometheus-pushgateway"),
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "chromium"),
}


def find(name: str) -> Path | None:
    """The program's path, None where it cannot be had."""
    found = _on_path(name) or _unpacked(name)
    if found is None:
        with _alone():
            found = _unpacked(name) or _fetched(name)
    return found


def tool(name: str) -> Path:
    """The program's path; skips the test where it cannot be had."""
    found = find(name)
    if found is None:
        pytest.skip(f"NOT TESTED: {name} is not on PATH, and Debian's package cannot be fetched here")
    return found


def _on_path(name: str) -> Path | None:
    if os.environ.get("EXPORTER_TESTS_FETCH_SERVERS"):
        return None
    return next((Path(found) for alias in TOOLS[name][0] if (found := shutil.which(alias))), None)


def _unpacked(name: str) -> Path | None:
    package = CACHE / TOOLS[name][1] / "usr"
    candidates = (package / folder / alias for alias in TOOLS[name][0] for folder in ("bin", "sbin"))
    return next((path for path in candidates if path.exists()), None)


def _fetched(name: str) -> Path | None:
    package = TOOLS[name][1]
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return None
    download, partial = CACHE / "download" / package, CACHE / f"{package}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _apt(download, "update")
        _apt(download, "install", "--download-only", "--no-install-recommends", "--yes", "--reinstall", package)
        for archive in (download / "archives").glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", archive, partial], check=True, capture_output=True)
        _run_from(partial, CACHE / package)
        partial.rename(CACHE / package)
    except (subprocess.SubprocessError, OSError):
        return None
    return _unpacked(name)


def _run_from(folder: Path, final: Path) -> None:
    """Make programs find in the folder what Debian's packages have at fixed places."""
    chromium, alertmanager = folder / "usr/lib/chromium/chromium", folder / "usr/bin/prometheus-alertmanager"
    if chromium.exists():
        holding = {found.parent.relative_to(folder) for found in (folder / "usr/lib").rglob("*.so*")}
        libraries = ":".join(str(final / place) for place in sorted(holding))
        script = folder / "usr/bin/chromium"
        program = final / chromium.relative_to(folder)
        script.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries}" exec "{program}" "$@"\n')
        script.chmod(0o755)
    if alertmanager.exists():
        # Debian's build opens its templates there; in a path of the same length it opens them where it runs.
        fixed = ALERTMANAGER_TEMPLATES.encode()
        here = b"./" * (len(fixed) // 2)
        assert len(here) == len(fixed)
        alertmanager.write_bytes(alertmanager.read_bytes().replace(fixed, here))


def _apt(folder: Path, *command: str) -> None:
    """apt-get with lists and archives of its own, so that it needs no privileges and changes nothing."""
    for part in ("lists/partial", "archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    options = (
        f"Dir::State::lists={folder}/lists",
        f"Dir::Cache={folder}",
        f"Dir::Cache::archives={folder}/archives",
        "Debug::NoLocking=1",
    )
    subprocess.run(
        ["apt-get", "-qq", *(word for option in options for word in ("-o", option)), *command],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=600,
    )


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time: test workers share the cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def prometheus() -> Path:
    return tool("prometheus")


@pytest.fixture(scope="session")
def promtool() -> Path:
    return tool("promtool")


@pytest.fixture(scope="session")
def alertmanager() -> Path:
    return tool("alertmanager")


@pytest.fixture(scope="session")
def amtool() -> Path:
    return tool("amtool")


@pytest.fixture(scope="session")
def chromium() -> Path:
    return tool("chromium")
