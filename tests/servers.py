"""The real servers that tests talk to: from PATH, else Debian's packages unpacked into `.cache/`, installing nothing.

Where neither is possible the tests that need them are skipped, and say so; `.ci/run` takes a skip for a failure.
Prometheus is there twice: the release's (2.42 on Debian 12, the oldest that is supported), and 3.x from Debian sid.
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

#: The programs of Debian sid's Prometheus 3, each in a package of its own. They need nothing but the C library.
PROMETHEUS_3 = ("prometheus", "promtool")


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


def prometheus_3(name: str) -> Path:
    """The path of a program of Prometheus 3; skips the test where it cannot be had."""
    found = find_prometheus_3(name)
    if found is None:
        pytest.skip(f"NOT TESTED: {name} 3 is not on PATH, and Debian sid's package cannot be fetched here")
    return found


def find_prometheus_3(name: str) -> Path | None:
    """The path of Prometheus 3 or of its promtool, None where it cannot be had."""
    found = _on_path(name)
    if found is not None and _major(found) >= 3:
        return found
    program = CACHE / "prometheus-3" / "usr/bin" / name
    if not program.exists():
        with _alone():
            if not program.exists():
                _fetch_prometheus_3(CACHE / "prometheus-3")
    return program if program.exists() else None


def _major(program: Path) -> int:
    """The major version that a Prometheus or promtool says it is."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return int((said.stdout + said.stderr).split("version ")[1].split(".")[0])


def _fetch_prometheus_3(folder: Path) -> None:
    """Unpack sid's packages, from the archive that the release's packages come from."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return
    download, partial = CACHE / "download" / "sid", folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    download.mkdir(parents=True, exist_ok=True)
    try:
        _apt(download, "update")
        sources = download / "sid.list"
        sources.write_text(f"deb {_debian_archive(download)} sid main\n")
        sid = ("-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=-")
        _apt(download, *sid, "update")
        _apt(download, *sid, "download", *PROMETHEUS_3)
        for package in download.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, partial], check=True, capture_output=True)
        partial.rename(folder)
    except (subprocess.SubprocessError, OSError):
        return


def _debian_archive(folder: Path) -> str:
    """Return the address of the archive from which this machine has its release of Debian."""
    listed = _apt(folder, "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(REPO_URI)", "Created-By: Packages")
    found = [line.split()[2] for line in listed.splitlines() if line.startswith("Debian main ")]
    if not found:
        raise OSError("this machine has no Debian archive")
    return found[0]


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


def _apt(folder: Path, *command: str) -> str:
    """Run apt-get with lists and archives of its own, so that it needs no privileges and changes nothing."""
    for part in ("lists/partial", "archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    options = (
        f"Dir::State::lists={folder}/lists",
        f"Dir::Cache={folder}",
        f"Dir::Cache::archives={folder}/archives",
        "Debug::NoLocking=1",
    )
    done = subprocess.run(
        ["apt-get", "-qq", *(word for option in options for word in ("-o", option)), *command],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return done.stdout


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


@pytest.fixture(scope="session", params=["2", "3"], ids=["promtool 2", "promtool 3"])
def each_promtool(request: pytest.FixtureRequest) -> Path:
    """Promtool of the oldest Prometheus that is supported, and of 3.x."""
    return tool("promtool") if request.param == "2" else prometheus_3("promtool")


@pytest.fixture(scope="session")
def alertmanager() -> Path:
    return tool("alertmanager")


@pytest.fixture(scope="session")
def amtool() -> Path:
    return tool("amtool")


@pytest.fixture(scope="session")
def chromium() -> Path:
    return tool("chromium")
