"""What is packaged, and what it is locked to."""

from __future__ import annotations

import importlib.metadata
import os
import re
import tomllib
from pathlib import Path

import pytest

import exporter
from exporter import about
from tests.commands import run

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_what_is_tested_is_the_installed_package() -> None:
    if not os.environ.get("EXPORTER_TESTS_INSTALLED"):
        pytest.skip("NOT TESTED: pytest runs on the source folder, and no package is installed; use `make test`")
    assert ROOT / "exporter" not in Path(exporter.__file__).parents
    assert importlib.metadata.version("mimecast-exporter") == exporter.__version__


def test_the_installed_package_has_every_file_of_the_source_folder() -> None:
    def files(folder: Path) -> set[str]:
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}

    assert files(ROOT / "exporter") <= files(Path(exporter.__file__).parent)


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("runtime", PROJECT["project"]["dependencies"]),
        ("test", PROJECT["dependency-groups"]["test"]),
        ("build", PROJECT["build-system"]["requires"]),
    ],
)
def test_what_is_locked_is_what_the_project_asks_for(file: str, wanted: list[str]) -> None:
    lines = (ROOT / "requirements" / f"{file}.in").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith(("#", "-c"))] == wanted
    locked = (ROOT / "requirements" / f"{file}.txt").read_text()
    for requirement in wanted:
        name = re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")
        assert f"\n{name}==" in f"\n{locked}", f"{name} is not locked: run `make lock`"


@pytest.mark.parametrize("file", ["runtime", "lowest", "test", "build"])
def test_locked_requirements_have_hashes_and_name_no_host(file: str) -> None:
    locked = (ROOT / "requirements" / f"{file}.txt").read_text()
    assert "://" not in locked
    for requirement in re.split(r"\n(?=\S)", locked.strip()):
        assert "--hash=sha256:" in requirement, requirement.splitlines()[0]


def test_the_version_is_in_the_changelog() -> None:
    assert f"## [{exporter.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_command_tells_its_version() -> None:
    assert run("--version").stdout == f"mimecast-exporter {exporter.__version__} (revision {about.revision()})\n"
