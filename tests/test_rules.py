"""The shipped rules, alerts and example configurations, as promtool and amtool see them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rules import FOLDER, GROUPS, RULE_FILES, quickened
from tests.worlds import campaign

OPERATIONS = FOLDER.parent / "docs" / "operations.md"


def rules(*files: str) -> list[dict[str, Any]]:
    groups = [group for file in files for group in yaml.safe_load((FOLDER / file).read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}
RECORDED = [rule["record"] for rule in rules("recording.yml")]
THRESHOLDS = [rule["record"] for rule in rules("thresholds.yml")]
SHOWN = "".join(
    (FOLDER.parent / "tests" / f"test_{name}.py").read_text()
    for name in (
        "recording_rules",
        "exporter_alerts",
        "training_alerts",
    )
)
#: What takes no account label from /sd: it is about an exporter or a job.
OF_EXPORTERS = (
    "ExporterDown",
    "ExporterMissing",
    "JobDown",
    "RequestsRefused",
    "ClockSkew",
    "Reload",
    "File",
    "WebConfig",
)


def checked(command: Sequence[Path | str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=FOLDER, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_has_no_complaint_about_the_rules(each_promtool: Path) -> None:
    assert "FAILED" not in checked([each_promtool, "check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES])


def test_the_quickened_rules_are_rules(promtool: Path, tmp_path: Path) -> None:
    copies = quickened(tmp_path)
    checked([promtool, "check", "rules", *copies])
    groups = [group for copy in copies for group in yaml.safe_load(copy.read_text())["groups"]]
    waits = {rule.get(wait) for group in groups for rule in group["rules"] for wait in ("for", "keep_firing_for")}
    assert waits | {group.get("interval") for group in groups} == {"1s", None}


def test_the_example_configurations_are_valid(promtool: Path, amtool: Path) -> None:
    checked([promtool, "check", "config", "prometheus.example.yml"])
    checked([amtool, "check-config", "alertmanager.example.yml"])


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_is_shown_on_a_world(name: str) -> None:
    assert name in SHOWN


@pytest.mark.parametrize("name", RECORDED)
def test_every_recording_rule_is_shown_to_give_its_numbers(name: str) -> None:
    assert name.rpartition("mimecast_awareness_")[2].removeprefix("phishing_") in SHOWN


@pytest.mark.parametrize("name", THRESHOLDS)
def test_every_threshold_is_used_and_stands_in_one_place(name: str) -> None:
    using = (FOLDER / "alerts.yml").read_text() + (FOLDER / "recording.yml").read_text()
    assert name in using.replace('"', "")
    assert THRESHOLDS.count(name) == 1


@pytest.mark.parametrize("name", [*RECORDED, *THRESHOLDS])
def test_recorded_names_say_level_metric_and_operation(name: str) -> None:
    level, metric, operation = name.split(":")
    assert level in ("campaign", "question", "simulation", "account", "job", "mimecast_awareness")
    assert re.fullmatch(r"[a-z0-9_]+", metric)
    assert re.fullmatch(r"[a-z0-9_]+", operation)


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_says_what_it_means_and_where_to_read_on(name: str) -> None:
    alert = ALERTS[name]
    labels, annotations = alert["labels"], alert["annotations"]
    assert labels["severity"] in ("warning", "info", "none")
    assert labels["category"] in ("exporter", "training")
    assert "$labels" in annotations["summary"]
    if labels["category"] == "training":
        assert "$labels.account" in annotations["description"]
    if name.startswith("MimecastCampaign") and labels["category"] == "training":
        assert "$labels.title" in annotations["summary"]
    assert annotations["runbook_url"].endswith(f"docs/operations.md#{name.lower()}")
    assert "/d/mimecast-" in annotations["dashboard_url"]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_about_an_account_takes_no_label_of_it_away(name: str) -> None:
    if not any(part in name for part in OF_EXPORTERS):
        first = re.split(r"\n\s*(?:and\b|unless\b|or\b|>)", ALERTS[name]["expr"])[0]
        assert " by (" not in first


def test_annotations_are_what_a_receiver_can_use(each_promtool: Path, tmp_path: Path) -> None:
    labels = {"job": "mimecast", "account": "a&b", "campaign_id": "1", "title": "T"}
    link = "http://localhost:3000/d/mimecast-campaign?var-account=a%26b&var-campaign=1"
    runbook = "https://example.com/mimecast-exporter/blob/main/docs/operations.md#mimecastcampaignbehind"
    expected = {
        "summary": "Campaign T of a&b is behind: 20% have completed",
        "description": "20% have completed campaign T (1) of account a&b, and 48.57% are expected at its age. At this "
        "pace it misses its target on day 30, when the others go on Mimecast's watchlist.",
        "dashboard_url": link,
        "runbook_url": runbook,
    }
    series = campaign("1", account="a&b", users_completed="20x60")
    test = {
        "rule_files": [str(FOLDER / file) for file in RULE_FILES],
        "evaluation_interval": "6h",
        "group_eval_order": GROUPS,
        "tests": [
            {
                "interval": "6h",
                "input_series": [
                    {"series": name.replace("Title 1", "T"), "values": values} for name, values in series.items()
                ],
                "alert_rule_test": [
                    {
                        "eval_time": "282h",
                        "alertname": "MimecastCampaignBehind",
                        "exp_alerts": [
                            {
                                "exp_labels": labels | {"severity": "info", "category": "training"},
                                "exp_annotations": expected,
                            }
                        ],
                    }
                ],
            }
        ],
    }
    file = tmp_path / "annotations.yml"
    file.write_text(yaml.safe_dump(test))
    checked([each_promtool, "test", "rules", file])


def test_the_runbook_has_a_section_for_each_alert_and_no_other() -> None:
    sections = re.findall(r"(?m)^### (\w+)$", OPERATIONS.read_text())
    assert sections == list(ALERTS)


def test_no_rule_assumes_one_instance_for_all_accounts() -> None:
    for rule in rules(*RULE_FILES):
        if "mimecast_awareness" in rule["expr"]:
            assert "instance" not in rule["expr"].replace("without (instance,", ""), rule


def test_the_runbook_says_what_to_do_about_each_reason_of_a_failure() -> None:
    section = OPERATIONS.read_text().split("### MimecastAccountFailing")[1].split("\n### ")[0]
    metrics = (FOLDER.parent / "docs" / "metrics.md").read_text()
    table = metrics.split("Reasons of a failed refresh")[1].split("Reasons of a campaign")[0]
    named = {name for row in re.findall(r"(?m)^- (.*?):", section) for name in re.findall(r"`(\w+)`", row)}
    assert named == set(re.findall(r"(?m)^\| `(\w+)` \|", table))
