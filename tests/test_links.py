"""Links: the project's address in one place, and paths that lead to a file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.about import FILES_URL, PROJECT_URL

ROOT = Path(__file__).parent.parent
#: What is generated, fetched or local to a machine.
_IGNORED = {
    ".git",
    ".venv",
    ".cache",
    ".hypothesis",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    "build",
    "dist",
    "local",
}
_TEXT = {"", ".md", ".py", ".toml", ".yml", ".yaml", ".json", ".html", ".service", ".socket", ".txt", ".tpl"}
#: A link to the project below any host; names of services such as http://mimecast-exporter:10587 are not links.
_PROJECT_LINK = re.compile(r"https://[\w.-]+\.[a-z]+/[^\s\"'`<>)\]]*mimecast-exporter[^\s\"'`<>)\]]*")
_MARKDOWN_LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_files(folder: Path = ROOT) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _IGNORED or path.is_symlink():
            continue
        if path.is_dir():
            yield from text_files(path)
        elif path.suffix in _TEXT:
            yield path


def test_every_link_to_the_project_begins_with_its_one_address() -> None:
    links = {
        (str(path.relative_to(ROOT)), link)
        for path in text_files()
        for link in _PROJECT_LINK.findall(path.read_text("utf-8", "replace"))
    }
    assert len({path for path, _ in links}) >= 3
    assert {path for path, link in links if not link.startswith(PROJECT_URL)} == set()


def test_the_packages_address_is_the_projects() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"] == {"Homepage": PROJECT_URL}


@pytest.mark.parametrize("page", [path for path in text_files() if path.suffix == ".md"], ids=lambda path: path.name)
def test_every_path_that_a_page_links_to_exists(page: Path) -> None:
    targets = [target for target in _MARKDOWN_LINK.findall(page.read_text()) if not re.match(r"[a-z]+:|#", target)]
    assert [target for target in targets if not (page.parent / target.partition("#")[0]).exists()] == []


def test_links_and_images_of_the_packages_description_are_absolute() -> None:
    hatch_build = pytest.importorskip("hatch_build", reason="hatchling is not installed")
    text = hatch_build.absolute_links((ROOT / "README.md").read_text(), {"Homepage": PROJECT_URL})
    targets = _MARKDOWN_LINK.findall(text)
    assert f"{FILES_URL}/docs/fleets.md" in targets
    assert f"{PROJECT_URL}/raw/main/docs/images/overview.png" in targets
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
