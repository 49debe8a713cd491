"""The bounds of the dependencies in pyproject.toml."""

from __future__ import annotations

import ast
import fcntl
import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOWEST = ROOT / "requirements" / "lowest.txt"
DECLARED = [
    Requirement(text) for text in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
]
#: Between them they use every dependency: the configuration, the API's client, the server and a whole scrape.
CORE = (
    "tests/config/test_config.py",
    "tests/config/test_faults.py",
    "tests/mimecast/test_client.py",
    "tests/mimecast/test_envelope.py",
    "tests/mimecast/test_pool.py",
    "tests/http/test_scrape.py",
    "tests/http/test_server.py",
    "tests/http/test_protection.py",
)


def imported() -> set[str]:
    """Return the top-level modules that the exporter imports, without its own and the standard library's."""
    names = set()
    for file in (ROOT / "exporter").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"exporter"}


def test_every_package_that_the_exporter_imports_is_declared() -> None:
    packages = importlib.metadata.packages_distributions()
    used = {canonicalize_name(packages[module][0]) for module in imported()}
    assert used <= {canonicalize_name(requirement.name) for requirement in DECLARED}


@pytest.mark.parametrize("requirement", DECLARED, ids=str)
def test_a_dependency_has_a_lower_bound_and_the_lowest_is_what_is_tested(requirement: Requirement) -> None:
    locked = re.search(rf"(?m)^{canonicalize_name(requirement.name)}==(\S+)", LOWEST.read_text())
    assert locked, "run `make lock`"
    (floor,) = [bound.version for bound in requirement.specifier if bound.operator == ">="]
    assert Requirement(f"x=={floor}").specifier.contains(locked[1]), "run `make lock`"


def lowest_environment() -> Path:
    """Return the Python of an environment with the lowest dependencies, and the test tools of this one behind them."""
    key = hashlib.sha256(LOWEST.read_bytes() + sys.version.encode() + sys.prefix.encode()).hexdigest()[:16]
    folder = ROOT / ".cache" / "lowest" / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python = folder / "bin" / "python"
        if not (folder / "complete").exists():
            venv.create(folder, clear=True, with_pip=True)
            pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "-qq"]
            subprocess.run([*pip, "install", "--require-hashes", "-r", LOWEST], check=True)
            purelib = subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
            (Path(purelib.decode().strip()) / "tools.pth").write_text(sysconfig.get_path("purelib") + "\n")
            (folder / "complete").touch()
    return python


@pytest.mark.timeout(600)
def test_the_core_tests_pass_with_the_lowest_dependencies() -> None:
    python = lowest_environment()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "EXPORTER_"))}
    command: list[str | Path] = [
        python,
        "-m",
        "pytest",
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        *CORE,
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    version = subprocess.check_output([python, "-c", "import msgspec; print(msgspec.__version__)"], text=True)
    assert f"\nmsgspec=={version.strip()} " in LOWEST.read_text()
