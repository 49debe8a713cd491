"""Imports run one way. A new module is entered in the table below, on the floor where it stands."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "exporter"

#: Floors from the top to the ground. A module imports from lower floors, or from its own package.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("commands",),
    ("cli",),
    ("service",),
    ("web",),
    ("fleet",),
    ("collection",),
    ("collector",),
    ("exposition", "selection", "reference"),
    ("metrics", "config"),
    ("status",),
    ("mimecast", "cache", "telemetry", "yamlfile", "secret", "units", "logs", "compression", "simulator"),
)
#: Modules below which nothing of the exporter stands.
GROUND = FLOORS[-1]


def rooms() -> list[str]:
    return sorted(
        {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")} - {"__init__"}
    )


def files(room: str) -> Iterator[Path]:
    single = PACKAGE / f"{room}.py"
    yield from [single] if single.exists() else (PACKAGE / room).rglob("*.py")


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


def rooms_imported(room: str) -> set[str]:
    named = {name.split(".")[1] for file in files(room) for name in imports(file) if name.startswith("exporter.")}
    return (named & set(rooms())) - {room}


def floor(room: str) -> int:
    for number, names in enumerate(FLOORS):
        if room in names:
            return number
    pytest.fail(f"exporter/{room} stands on no floor: enter it in FLOORS in {Path(__file__).name}")


@pytest.mark.parametrize("room", rooms())
def test_a_room_imports_only_from_the_floors_below(room: str) -> None:
    upwards = {other for other in rooms_imported(room) if floor(other) <= floor(room)}
    assert upwards == set(), f"exporter/{room} imports from its own floor or from above"


@pytest.mark.parametrize("room", GROUND)
def test_a_room_on_the_ground_imports_nothing_of_the_rest(room: str) -> None:
    assert rooms_imported(room) == set()


@pytest.mark.parametrize(
    ("room", "libraries"),
    [
        ("cache", set()),
        ("mimecast", {"httpx", "httpcore", "msgspec", "isal", "certifi"}),
        ("exposition", set()),
        ("metrics", set()),
        ("telemetry", {"prometheus_client"}),
        ("yamlfile", {"yaml", "msgspec"}),
    ],
)
def test_a_room_knows_the_libraries_of_its_purpose_and_no_others(room: str, libraries: set[str]) -> None:
    known = {name.split(".")[0] for file in files(room) for name in imports(file)}
    assert known - set(sys.stdlib_module_names) - {"exporter"} <= libraries


def test_no_module_is_named_for_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert [path for path in PACKAGE.rglob("*.py") if path.stem in vague] == []
