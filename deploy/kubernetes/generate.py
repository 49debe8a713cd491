"""Writes base/prometheusrule.yaml from the shipped rules: `python deploy/kubernetes/generate.py`, or `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
RULES = HERE.parent.parent / "prometheus"
HEAD = """\
# Written by generate.py from prometheus/*.yml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: mimecast-exporter
spec:
  groups:
"""


def main() -> None:
    """The groups of the three files, one after the other, as they stand there."""
    lines = [HEAD]
    for name in ("thresholds.yml", "recording.yml", "alerts.yml"):
        groups = (RULES / name).read_text().partition("\ngroups:\n")[2]
        lines.append("".join(f"  {line}" if line.strip() else line for line in groups.splitlines(keepends=True)))
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "base" / "prometheusrule.yaml"
    target.write_text("\n".join(part.rstrip("\n") for part in lines) + "\n")


if __name__ == "__main__":
    main()
