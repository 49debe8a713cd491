"""Every panel's options and field settings, checked by TypeScript against the types of the newest Grafana."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dashboards import DASHBOARDS, panels

FOLDER = Path(__file__).parent.parent / ".cache" / "grafana-schema"
PACKAGES = ("@grafana/schema", "typescript")
#: By panel: the module of its types, and the type of its own field settings.
KINDS = {
    "stat": ("stat/panelcfg/x/StatPanelCfg_types.gen", "object"),
    "bargauge": ("bargauge/panelcfg/x/BarGaugePanelCfg_types.gen", "object"),
    "timeseries": ("timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen", "GraphFieldConfig"),
    # Grafana 12.1 and older hide a column by `hidden`.
    "table": ("table/panelcfg/x/TablePanelCfg_types.gen", "TableFieldOptions & { hidden?: boolean }"),
}
#: JSON has words where the types have enumerations. Field settings of a panel are a type that allows everything.
HEAD = """\
import type { Dashboard, FieldConfig, GraphFieldConfig, TableFieldOptions } from '@grafana/schema';
type Written<T> = T extends string ? `${T}` : T extends (infer U)[] ? Written<U>[]
  : T extends object ? { [K in keyof T]: Written<T[K]> } : T;
type Field<C> = Written<Omit<FieldConfig, 'custom'>> & { custom?: Written<Partial<C>> };
"""


def declared(name: str, kind: str, value: Any) -> str:
    return f"export const {name}: {kind} = {json.dumps(value)};\n"


def nested(properties: list[dict[str, Any]]) -> dict[str, Any]:
    """The properties of an override, whose ids are paths, as the field settings that they change."""
    fields: dict[str, Any] = {}
    for each in properties:
        below, (*path, last) = fields, each["id"].split(".")
        for part in path:
            below = below.setdefault(part, {})
        below[last] = each["value"]
    return fields


def program() -> Iterator[str]:
    yield HEAD
    for kind, (module, custom) in KINDS.items():
        yield f"import type {{ Options as {kind}Options }} from '@grafana/schema/dist/esm/raw/composable/{module}';\n"
        yield f"type {kind}Field = Field<{custom}>;\n"
        yield f"// @ts-expect-error\n{declared(f'no_{kind}_option', f'Partial<{kind}Options>', {'invented': True})}"
        yield f"// @ts-expect-error\n{declared(f'no_{kind}_field', f'{kind}Field', {'unit': 1})}"
    for number, (name, dashboard) in enumerate(DASHBOARDS.items()):
        # Prometheus has settings of its own for annotations, of which the types know nothing.
        known = {key: value for key, value in dashboard.items() if key != "annotations"}
        yield f"// {name}\n{declared(f'dashboard{number}', 'Written<Dashboard>', known)}"
        for panel in panels(name):
            kind, unique = panel["type"], f"{number}_{panel['id']}"
            fields = [panel["fieldConfig"]["defaults"]]
            fields += [nested(override["properties"]) for override in panel["fieldConfig"]["overrides"]]
            yield f"// {name}: {panel['title']}\n"
            yield declared(f"options{unique}", f"Written<{kind}Options>", panel["options"])
            yield from (declared(f"field{unique}_{place}", f"{kind}Field", each) for place, each in enumerate(fields))


def installed() -> bool:
    """Whether the newest packages could be fetched, or older ones are there."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "package.json").write_text('{"private": true, "type": "module"}\n')
    command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    wanted = [f"{package}@latest" for package in PACKAGES]
    done = subprocess.run([*command, *wanted], cwd=FOLDER, capture_output=True, text=True, timeout=100, check=False)
    print(done.stderr)
    return done.returncode == 0 or all((FOLDER / "node_modules" / package).exists() for package in PACKAGES)


@pytest.mark.timeout(240)
def test_every_option_of_every_panel_is_one_of_the_newest_grafana() -> None:
    if not shutil.which("npm"):
        pytest.skip("NOT TESTED: npm is not on PATH, and so the dashboards are not checked by Grafana's types")
    if not installed():
        pytest.skip("NOT TESTED: npm cannot fetch Grafana's types here")
    (FOLDER / "dashboards.ts").write_text("".join(program()))
    flags = ["--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "bundler"]
    command = ["npx", "--no-install", "tsc", *flags, "dashboards.ts"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout[:5000]
