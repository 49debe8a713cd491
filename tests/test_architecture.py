"""Imports run one way. A new package is entered in the table below, in its layer."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "exporter"

#: Layers from the top to the ground. A package imports from lower layers, or from itself.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("app",),
    ("http.handlers",),
    ("accounts",),
    ("collectors",),
    ("http.middleware",),
    ("http.webconfig", "http.health"),
    ("config",),
    ("mimecast", "exposition", "yamlfile", "http.server", "simulator", "about"),
)
#: Packages that import nothing of the rest.
GROUND = LAYERS[-1]


def package_of(parts: Sequence[str]) -> str:
    """The package, by the parts of a dotted name below `exporter`; those in http/ are packages of their own."""
    return ".".join(parts[: 2 if parts[0] == "http" else 1])


def packages() -> dict[str, list[Path]]:
    """The files of each package."""
    found: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts not in (("__init__",), ("http", "__init__")):
            found.setdefault(package_of(parts), []).append(path)
    return found


def imports(file: Path) -> Iterator[str]:
    """Whole names of everything a file imports, wherever in it."""
    here = ("exporter", *file.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: len(here) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imported_by(package: str) -> set[str]:
    named = {
        package_of(name.split(".")[1:])
        for file in packages()[package]
        for name in imports(file)
        if name.startswith("exporter.")
    }
    return (named & set(packages())) - {package}


def layer(package: str) -> int:
    for number, names in enumerate(LAYERS):
        if package in names:
            return number
    pytest.fail(f"exporter/{package} is in no layer: enter it in LAYERS in {Path(__file__).name}")


@pytest.mark.parametrize("package", packages())
def test_a_package_imports_only_from_the_layers_below(package: str) -> None:
    upwards = {other for other in imported_by(package) if layer(other) <= layer(package)}
    assert upwards == set(), f"exporter/{package} imports from its own layer or from above"


@pytest.mark.parametrize("package", GROUND)
def test_a_package_of_the_lowest_layer_imports_no_other_package(package: str) -> None:
    assert imported_by(package) == set()


@pytest.mark.parametrize(
    ("package", "libraries"),
    [
        ("accounts", {"anyio", "httpx"}),
        ("collectors", {"msgspec"}),
        ("mimecast", {"anyio", "httpx", "httpcore", "msgspec", "isal", "certifi"}),
        ("exposition", {"isal", "prometheus_client"}),
        ("yamlfile", {"yaml", "msgspec"}),
    ],
)
def test_a_package_uses_the_libraries_of_its_purpose_and_no_others(package: str, libraries: set[str]) -> None:
    known = {name.split(".")[0] for file in packages()[package] for name in imports(file)}
    assert known - set(sys.stdlib_module_names) - {"exporter"} <= libraries


def test_no_module_has_a_meaningless_name() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert [path for path in PACKAGE.rglob("*.py") if path.stem in vague] == []
