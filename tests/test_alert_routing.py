"""The example routing and inhibition, in a real Alertmanager: who is told what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.rules import FOLDER
from tests.stack import Receiver, alertmanager_running, receiving, wait_until

RECEIVERS = ("security-team", "awareness-owner", "gold-accounts", "nobody")


@dataclass
class Desk:
    """An Alertmanager under the example configuration, and everybody it tells."""

    address: str
    receivers: dict[str, Receiver]

    def post(self, *alerts: dict[str, str]) -> None:
        """Report alerts as firing."""
        body = [{"labels": {"job": "mimecast", **labels}} for labels in alerts]
        httpx.post(f"http://{self.address}/api/v2/alerts", json=body, trust_env=False).raise_for_status()

    def told(self) -> set[tuple[str, str, str]]:
        """Return (receiver, alert, account) of every notification so far."""
        return {
            (name, alert["labels"]["alertname"], alert["labels"].get("account", ""))
            for name, receiver in self.receivers.items()
            for alert in receiver.alerts
        }

    def silenced(self, alertname: str, **labels: str) -> bool:
        """Return whether Alertmanager inhibits an alert."""
        alerts = httpx.get(f"http://{self.address}/api/v2/alerts", trust_env=False).json()
        wanted = {"alertname": alertname, **labels}.items()
        (found,) = [alert for alert in alerts if wanted <= alert["labels"].items()]
        return bool(found["status"]["inhibitedBy"])


@pytest.fixture
def desk(alertmanager: Path, tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        receivers = {name: stack.enter_context(receiving()) for name in RECEIVERS}
        address = stack.enter_context(
            alertmanager_running(alertmanager, tmp_path / "alertmanager", "", _example(receivers))
        )
        yield Desk(address, receivers)


def _example(receivers: dict[str, Receiver]) -> dict[str, Any]:
    """Return the example configuration with receivers that are here, no nights, and no waiting."""
    example: dict[str, Any] = yaml.safe_load((FOLDER / "alertmanager.example.yml").read_text())
    routes = [example["route"], *example["route"]["routes"], *example["route"]["routes"][1]["routes"]]
    for route in routes:
        route.pop("mute_time_intervals", None)
        route |= {"group_wait": "1s", "group_interval": "1s"}
    for receiver in example["receivers"]:
        receiver["webhook_configs"] = [{"url": receivers[receiver["name"]].url}]
    return example


def training(name: str, account: str, severity: str = "info", **labels: str) -> dict[str, str]:
    return {"alertname": name, "account": account, "severity": severity, "category": "training", **labels}


def exporter(name: str, severity: str = "warning", **labels: str) -> dict[str, str]:
    return {"alertname": name, "severity": severity, "category": "exporter", **labels}


def test_training_goes_to_its_owner_and_gold_accounts_by_their_label(desk: Desk) -> None:
    desk.post(
        training("MimecastCampaignBehind", "acme", campaign_id="1"),
        training("MimecastCampaignBehind", "globex", campaign_id="2", tier="gold"),
        exporter("MimecastAccountFailing", account="initech", tier="gold"),
        exporter("MimecastJobDown", "none", job="mimecast-2"),
    )
    expected = {
        ("awareness-owner", "MimecastCampaignBehind", "acme"),
        ("gold-accounts", "MimecastCampaignBehind", "globex"),
        ("security-team", "MimecastAccountFailing", "initech"),
        ("nobody", "MimecastJobDown", ""),
    }
    wait_until(lambda: len(desk.told()) >= len(expected))
    assert desk.told() == expected


def test_one_account_that_is_not_scraped_inhibits_only_its_own_training_alerts(desk: Desk) -> None:
    desk.post(exporter("MimecastAccountNotScraped", account="customer-0194"))
    desk.post(
        training("MimecastCampaignStalled", "customer-0194", campaign_id="1"),
        training("MimecastCampaignStalled", "customer-0195", campaign_id="1"),
    )
    wait_until(lambda: ("awareness-owner", "MimecastCampaignStalled", "customer-0195") in desk.told())
    assert desk.silenced("MimecastCampaignStalled", account="customer-0194")
    assert not desk.silenced("MimecastCampaignStalled", account="customer-0195")
    assert ("awareness-owner", "MimecastCampaignStalled", "customer-0194") not in desk.told()


def test_an_outage_of_a_fleet_is_one_notification(desk: Desk) -> None:
    accounts = [f"customer-{number:04}" for number in range(300)]
    desk.post(exporter("MimecastJobDown", "none"))
    desk.post(exporter("MimecastExporterDown"))
    desk.post(*(exporter("MimecastAccountNotScraped", account=account) for account in accounts))
    desk.post(*(training("MimecastCampaignBehind", account, campaign_id="1") for account in accounts))
    desk.post(exporter("MimecastAccountFailing", account="other", job="mimecast-2"))
    wait_until(lambda: ("security-team", "MimecastAccountFailing", "other") in desk.told())
    wait_until(lambda: ("security-team", "MimecastExporterDown", "") in desk.told())
    told = [found for found in desk.told() if found[0] != "nobody"]
    assert sorted(told) == [
        ("security-team", "MimecastAccountFailing", "other"),
        ("security-team", "MimecastExporterDown", ""),
    ]


def test_one_of_two_exporters_down_silences_its_accounts_that_are_not_scraped_and_no_others(desk: Desk) -> None:
    desk.post(exporter("MimecastExporterDown", job="mimecast-exporter", instance="one:1", exporter="one:1"))
    desk.post(
        exporter("MimecastAccountNotScraped", account="a", exporter="one:1"),
        exporter("MimecastAccountNotScraped", account="b", exporter="two:1"),
        training("MimecastCampaignBehind", "c", campaign_id="1"),
    )
    wait_until(lambda: ("security-team", "MimecastAccountNotScraped", "b") in desk.told())
    wait_until(lambda: ("awareness-owner", "MimecastCampaignBehind", "c") in desk.told())
    assert desk.silenced("MimecastAccountNotScraped", account="a")


def test_low_completion_silences_the_weaker_alerts_of_the_same_campaign(desk: Desk) -> None:
    desk.post(training("MimecastCampaignCompletionLow", "acme", "warning", campaign_id="1"))
    desk.post(
        training("MimecastCampaignBehind", "acme", campaign_id="1"),
        training("MimecastCampaignStalled", "acme", campaign_id="1"),
        training("MimecastCampaignBehind", "acme", campaign_id="2"),
    )
    wait_until(lambda: ("awareness-owner", "MimecastCampaignBehind", "acme") in desk.told())
    assert desk.silenced("MimecastCampaignBehind", campaign_id="1")
    assert desk.silenced("MimecastCampaignStalled", campaign_id="1")
    assert not desk.silenced("MimecastCampaignBehind", campaign_id="2")
