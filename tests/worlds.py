"""Worlds of input series, and what the shipped rules make of them as promtool evaluates them."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.rules import FOLDER, GROUPS, RULE_FILES

_SAMPLE = re.compile(r'\{((?:[^{}"]|"(?:[^"\\]|\\.)*")*)\} (-?[\d.E+-]+|NaN)')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    """One sample of an answer."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class World:
    """Input series in promtool's notation, sampled and evaluated at one interval from time 0 on."""

    promtool: Path
    series: Mapping[str, str]
    interval: str = "1h"

    def ask(self, *asked: tuple[str, str]) -> list[list[Sample]]:
        """Return the answers to (expression, time) pairs; a failing expression fails the test."""
        # Nothing is expected, so that promtool says what it got; a label says which question it answers.
        questions = [
            {"expr": f'label_replace({expr}, "asked", "{number}", "", "")', "eval_time": at, "exp_samples": []}
            for number, (expr, at) in enumerate(asked)
        ]
        said = self._promtool(questions)
        answers: list[list[Sample]] = [[] for _ in asked]
        for labels, value in _SAMPLE.findall(said):
            found = dict(_LABEL.findall(labels))
            if "asked" in found:
                answers[int(found.pop("asked"))].append(Sample(found, float(value)))
        return answers

    def value(self, expr: str, at: str) -> float | None:
        """Return the value of an expression with at most one sample, None where it has none."""
        (samples,) = self.ask((expr, at))
        assert len(samples) < 2, samples
        return samples[0].value if samples else None

    def firing(self, alert: str, *times: str) -> list[list[Mapping[str, str]]]:
        """Return the labels of what is firing under a name at each time."""
        asked = [(f'ALERTS{{alertname="{alert}",alertstate="firing"}}', at) for at in times]
        return [[sample.labels for sample in samples] for samples in self.ask(*asked)]

    def fires(self, alert: str, *times: str) -> list[bool]:
        """Return whether anything fires under a name at each time."""
        return [bool(found) for found in self.firing(alert, *times)]

    def _promtool(self, questions: Sequence[Mapping[str, object]]) -> str:
        test = {
            "rule_files": [str(FOLDER / file) for file in RULE_FILES],
            "evaluation_interval": self.interval,
            "group_eval_order": GROUPS,
            "tests": [
                {
                    "interval": self.interval,
                    "input_series": [{"series": name, "values": values} for name, values in self.series.items()],
                    "promql_expr_test": questions,
                }
            ],
        }
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "world.yml"
            file.write_text(yaml.safe_dump(test, width=1_000_000))
            done = subprocess.run([self.promtool, "test", "rules", file], capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert "err:" not in said, said[:3000]
        assert "error" not in said, said[:3000]
        return said


def campaign(
    number: str = "a", account: str = "acme", target: str = 'instance="exporter"', **values: str
) -> dict[str, str]:
    """Return the series of a campaign, launched at 0 and sent to 100 people unless the values say otherwise."""
    given = {"launch_timestamp_seconds": "0x2400", "emails_sent": "100x2400"} | values
    labels = f'job="mimecast",{target},account="{account}",campaign_id="{number}",title="Title {number}"'
    return {f"mimecast_awareness_campaign_{name}{{{labels}}}": text for name, text in given.items()}


def of_account(
    metric: str, values: str, account: str = "acme", target: str = 'instance="exporter"', **more: str
) -> dict[str, str]:
    """Return one series of an account."""
    labels = "".join(f',{name}="{value}"' for name, value in more.items())
    return {f'{metric}{{job="mimecast",{target},account="{account}"{labels}}}': values}


def question(number: str, correct: str) -> dict[str, str]:
    """Return the series of the one question of a campaign."""
    name = next(iter(campaign(number, correct_answers=correct, launch_timestamp_seconds="", emails_sent="")))
    return {name.replace("launch_timestamp_seconds", "correct_answers").replace("}", ',question="1"}'): correct}


def simulation(number: str, clicked: str, age_days: int, sent: str = "100x130") -> dict[str, str]:
    """Return the series of a phishing simulation launched some days before time 0."""
    labels = f'job="mimecast",instance="exporter",account="acme",campaign_id="{number}",title="Simulation {number}"'
    values = {"clicked": clicked, "sent": sent, "launch_timestamp_seconds": f"{-86400 * age_days}x130"}
    return {f"mimecast_awareness_phishing_campaign_{name}{{{labels}}}": text for name, text in values.items()}
