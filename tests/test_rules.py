"""The shipped rules, alerts and example configurations, as promtool and amtool see them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rules import FOLDER, RULE_FILES, quickened

OPERATIONS = FOLDER.parent / "docs" / "operations.md"


def rules(*files: str) -> list[dict[str, Any]]:
    groups = [group for file in files for group in yaml.safe_load((FOLDER / file).read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}
RECORDED = [rule["record"] for rule in rules("recording.yml")]
THRESHOLDS = [rule["record"] for rule in rules("thresholds.yml")]
CASES = [
    case for file in sorted((FOLDER / "tests").glob("*.yml")) for case in yaml.safe_load(file.read_text())["tests"]
]


def checked(command: Sequence[Path | str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=FOLDER, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_has_no_complaint_about_the_rules(promtool: Path) -> None:
    assert "FAILED" not in checked([promtool, "check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES])


def test_every_case_of_the_rules_holds(promtool: Path) -> None:
    checked([promtool, "test", "rules", *sorted((FOLDER / "tests").glob("*.yml"))])


def test_the_quickened_rules_are_rules(promtool: Path, tmp_path: Path) -> None:
    copies = quickened(tmp_path)
    checked([promtool, "check", "rules", *copies])
    waits = {rule.get("for") for rule in yaml.safe_load(copies[2].read_text())["groups"][0]["rules"]}
    assert waits <= {"1s", None}


def test_the_example_configurations_are_valid(promtool: Path, amtool: Path) -> None:
    checked([promtool, "check", "config", "prometheus.example.yml"])
    checked([amtool, "check-config", "alertmanager.example.yml"])


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"category": "exporter", "severity": "critical"}, "on-call"),
        ({"category": "exporter", "severity": "warning"}, "security-team"),
        ({"category": "training", "severity": "warning"}, "awareness-owner"),
        ({"category": "training", "severity": "info"}, "awareness-owner"),
        ({"severity": "critical"}, "security-team"),
    ],
)
def test_alerts_go_to_whom_they_concern(amtool: Path, labels: dict[str, str], receiver: str) -> None:
    given = [f"{name}={value}" for name, value in labels.items()]
    routed = checked([amtool, "config", "routes", "test", "--config.file=alertmanager.example.yml", *given])
    assert routed.strip() == receiver


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_is_shown_firing_not_firing_and_resolving(name: str) -> None:
    steps = [step for case in CASES for step in case.get("alert_rule_test", []) if step["alertname"] == name]
    fires = [bool(step["exp_alerts"]) for step in steps]
    assert fires[0] is False
    assert True in fires
    assert fires[-1] is False


@pytest.mark.parametrize("name", RECORDED)
def test_every_recording_rule_is_shown_to_give_its_numbers(name: str) -> None:
    shown = [test for case in CASES for test in case.get("promql_expr_test", []) if name in test["expr"]]
    assert any(test["exp_samples"] for test in shown)


@pytest.mark.parametrize("name", THRESHOLDS)
def test_every_threshold_is_used_and_stands_in_one_place(name: str) -> None:
    using = (FOLDER / "alerts.yml").read_text() + (FOLDER / "recording.yml").read_text()
    assert name in using
    assert THRESHOLDS.count(name) == 1


@pytest.mark.parametrize("name", [*RECORDED, *THRESHOLDS])
def test_recorded_names_say_level_metric_and_operation(name: str) -> None:
    level, metric, operation = name.split(":")
    assert level in ("campaign", "question", "account", "overall", "mimecast_awareness")
    assert re.fullmatch(r"[a-z0-9_]+", metric)
    assert re.fullmatch(r"[a-z0-9_]+", operation)


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_says_what_it_means_and_where_to_read_on(name: str) -> None:
    alert = ALERTS[name]
    labels, annotations = alert["labels"], alert["annotations"]
    assert labels["severity"] in ("critical", "warning", "info")
    assert (labels["category"], labels["severity"]) != ("training", "critical")
    assert "$labels" in annotations["summary"]
    if labels["category"] == "training":
        assert "$labels.account" in annotations["description"]
    if name.startswith("MimecastCampaign"):
        assert "$labels.title" in annotations["summary"]
    assert annotations["runbook_url"].endswith(f"docs/operations.md#{name.lower()}")


def test_the_runbook_has_a_section_for_each_alert_and_no_other() -> None:
    sections = re.findall(r"(?m)^### (\w+)$", OPERATIONS.read_text())
    assert sections == list(ALERTS)


def test_no_rule_assumes_one_instance_for_all_accounts() -> None:
    for rule in rules(*RULE_FILES):
        if "mimecast_awareness" in rule["expr"]:
            assert "instance" not in rule["expr"], rule


def test_the_runbook_says_what_to_do_about_each_reason_of_a_failure() -> None:
    section = OPERATIONS.read_text().split("### MimecastAccountFailing")[1].split("\n### ")[0]
    metrics = (FOLDER.parent / "docs" / "metrics.md").read_text()
    table = metrics.split("Reasons of a failed refresh")[1].split("Reasons of a campaign")[0]
    named = {name for row in re.findall(r"(?m)^- (.*?):", section) for name in re.findall(r"`(\w+)`", row)}
    assert named == set(re.findall(r"(?m)^\| `(\w+)` \|", table))
