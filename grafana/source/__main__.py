"""Writes the dashboards: `python grafana/source`, or into another folder: `python grafana/source FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import accounts
import campaign
import health
import overview
import phishing

DASHBOARDS = {
    "awareness-overview": overview,
    "campaign": campaign,
    "phishing-and-risk": phishing,
    "accounts": accounts,
    "exporter": health,
}


def main() -> None:
    """Write one JSON file for each dashboard."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "dashboards"
    for name, module in DASHBOARDS.items():
        (folder / f"{name}.json").write_text(json.dumps(module.build(), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
