"""The colours of the dashboards: one meaning each, visible on both pages, and legible under text."""

from __future__ import annotations

import itertools
import re
import runpy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dashboards import DASHBOARDS, FOLDER, everything, panels

PANELS = [(name, panel) for name in DASHBOARDS for panel in panels(name)]
PALETTE: dict[str, Any] = runpy.run_path(str(FOLDER / "source" / "palette.py"))
COLOURS = {name: value for name, value in PALETTE.items() if re.fullmatch("#[0-9A-F]{6}", str(value))}
#: Grafana's ground of a panel on its dark and its light page, and its white text on a coloured ground.
DARK, LIGHT, TEXT = "#181B1F", "#FFFFFF", "#F7F8FA"


def named(value: Any) -> str:
    return value if isinstance(value, str) else str(value["title"])


@pytest.mark.parametrize("name", DASHBOARDS)
def test_colours_are_those_of_the_palette(name: str) -> None:
    used = [*everything(DASHBOARDS[name], "fixedColor"), *everything(DASHBOARDS[name]["panels"], "color")]
    assert {colour for colour in used if isinstance(colour, str)} <= {*COLOURS.values(), "transparent"}
    modes = {colour["mode"] for colour in used if isinstance(colour, dict)}
    assert modes <= {"fixed", "shades", "thresholds"}


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_each_colour_has_one_meaning() -> None:
    assert len(set(COLOURS.values())) == len(COLOURS)


@pytest.mark.parametrize("name", sorted(COLOURS))
def test_a_colour_is_seen_on_a_dark_and_on_a_light_page(name: str) -> None:
    assert contrast(COLOURS[name], DARK) >= 3
    assert contrast(COLOURS[name], LIGHT) >= 3


def grounds(panel: dict[str, Any]) -> Iterator[str]:
    """The colours on which a panel writes: of a stat with a ground, and of cells with a coloured ground."""
    defaults, overrides = panel["fieldConfig"]["defaults"], panel["fieldConfig"]["overrides"]
    settings = [defaults] if panel["options"].get("colorMode") == "background_solid" else []
    properties = ({each["id"]: each["value"] for each in override["properties"]} for override in overrides)
    settings += [each for each in properties if each.get("custom.cellOptions", {}).get("type") == "color-background"]
    for setting in settings:
        for part in ("thresholds", "mappings"):
            yield from everything(setting.get(part, defaults.get(part)), "color")


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=named)
def test_text_stands_out_from_its_ground(name: str, panel: dict[str, Any]) -> None:
    assert panel["options"].get("colorMode") in (None, "none", "background_solid")
    cells = {cell["type"] for cell in everything(panel, "custom.cellOptions")} | {
        each["value"]["type"] for each in properties(panel) if each["id"] == "custom.cellOptions"
    }
    assert cells <= {"color-background", "gauge"}, "coloured text cannot stand out from both pages"
    for ground in grounds(panel):
        assert ground == "transparent" or contrast(ground, TEXT) >= 4.5


def properties(panel: dict[str, Any]) -> list[dict[str, Any]]:
    """The properties of all overrides."""
    found = (override["properties"] for override in panel["fieldConfig"]["overrides"])
    return list(itertools.chain.from_iterable(found))
