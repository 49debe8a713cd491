"""What every test needs: an environment without surprises and one event loop implementation."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

import exporter

pytest_plugins = ["tests.servers"]

# The same examples in each run, and none fails because the machine is busy.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("steady")

#: Variables that would change what the exporter, httpx or ssl do.
_SCRUBBED_PREFIXES = (
    "MIMECAST_",
    "SSL_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "NOTIFY_SOCKET",
    "LISTEN_",
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the proxies, certificates or credentials of the machine it runs on."""
    for name in list(os.environ):
        if name.upper().startswith(_SCRUBBED_PREFIXES):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Async tests run on the event loop the exporter runs on."""
    return "asyncio", {"use_uvloop": True}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where `.ci/run` asks for it, a test that was not run is a test that failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("EXPORTER_TESTS_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as a failure here: {report.longrepr}"
    return report


def pytest_report_header() -> str:
    """Which exporter is tested: the one installed, or the source folder's."""
    return f"exporter: {Path(exporter.__file__).parent}"


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name values that are not words after their argument: mutmut passes the ids of tests on a command line."""
    if isinstance(val, bytes) or (isinstance(val, str) and not re.fullmatch(r"[\w .,-]*", val, re.ASCII)):
        return argname
    return None
