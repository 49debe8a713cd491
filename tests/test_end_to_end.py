"""All of it with the real servers: API, exporter, Prometheus with the shipped rules, Alertmanager, dashboards' queries.

Twice: scraped at /metrics, and account by account through /sd and /probe as fleets are; with the same results.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors import COLLECTORS
from exporter.simulator import Fault, Simulator, configuration, fleet
from exporter.simulator import running as simulating
from exporter.simulator.items import PATHS
from tests.commands import running
from tests.dashboards import EMPTY_AT_FIRST, Query, queries
from tests.rules import quickened
from tests.stack import Prometheus, Receiver, alertmanager_running, prometheus_running, receiving, wait_until

pytestmark = pytest.mark.timeout(240)


@dataclass
class Stack:
    mode: str
    simulator: Simulator
    prometheus: Prometheus
    receiver: Receiver


def scrape_configs(mode: str, exporter: str) -> list[dict[str, Any]]:
    address = exporter.removeprefix("http://")
    if mode == "metrics":
        return [{"job_name": "mimecast", "static_configs": [{"targets": [address]}]}]
    own = {
        "job_name": "mimecast-exporter",
        "params": {"collect[]": ["exporter"]},
        "static_configs": [{"targets": [address]}],
    }
    return [{"job_name": "mimecast", "http_sd_configs": [{"url": f"{exporter}/sd", "refresh_interval": "1s"}]}, own]


@pytest.fixture(scope="module", params=["metrics", "probe"])
def stack(
    request: pytest.FixtureRequest, prometheus: Path, alertmanager: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp(request.param)
    simulator = Simulator(fleet(3))
    config = folder / "config.yaml"
    with (
        simulating(simulator) as api,
        receiving() as receiver,
        alertmanager_running(alertmanager, folder / "alertmanager", receiver.url) as alerting,
    ):
        config.write_text(configuration(simulator.accounts, api, collectors=tuple(COLLECTORS)) + "cache: {ttl: 1s}\n")
        with running("serve", f"--config.file={config}", "--web.listen-address=127.0.0.1:0") as exporter:
            prometheus_config = {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                "rule_files": [str(file) for file in quickened(folder)],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alerting]}]}]},
                "scrape_configs": scrape_configs(request.param, exporter.base_url),
            }
            with prometheus_running(prometheus, folder / "prometheus", prometheus_config) as server:
                wait_until(lambda: server.query("sum(account:mimecast_awareness_campaigns_pending:count) == 2 * 3"))
                yield Stack(request.param, simulator, server, receiver)


def test_every_account_is_scraped_and_up(stack: Stack) -> None:
    up = {sample["metric"]["account"]: sample["value"][1] for sample in stack.prometheus.query("mimecast_up")}
    assert up == {"acme": "1", "globex": "1", "initech": "1"}
    if stack.mode == "probe":
        succeeded = {sample["metric"]["instance"] for sample in stack.prometheus.query("probe_success == 1")}
        assert succeeded == {"acme", "globex", "initech"}


def test_recording_rules_give_the_same_in_both_modes(stack: Stack) -> None:
    assert stack.prometheus.value("count(campaign:mimecast_awareness_state:enum)") == 16 * 3
    assert stack.prometheus.value("sum(account:mimecast_awareness_campaigns_pending:count)") == 6
    completed = stack.prometheus.value("sum(account:mimecast_awareness_users_completed:sum90d)")
    launched = "mimecast_awareness_campaign_launch_timestamp_seconds <= time() > time() - 90 * 86400"
    by_hand = f"sum(mimecast_awareness_campaign_users_completed and {launched})"
    assert completed == pytest.approx(stack.prometheus.value(by_hand))


def test_every_query_of_every_dashboard_gives_data_or_is_known_not_to(stack: Stack) -> None:
    wait_until(lambda: stack.prometheus.query('rate(mimecast_api_requests_total{account="acme"}[1m]) > 0'))
    stack.simulator.faults.add(Fault(account="initech", status=500, times=1))
    failed = 'increase(mimecast_refresh_failures_total{account="initech", reason="server_error"}[1h]) > 0'
    wait_until(lambda: stack.prometheus.query(failed))
    variables = {"job": ".+", "instance": ".+", "account": "(acme|globex|initech)", "title": ".*"}
    one = {"account": "acme", "title": "Phishing: think before you click"}

    def gives_data(query: Query) -> bool:
        asked = query.sent(variables | (one if query.dashboard == "campaign" else {}), seconds=60)
        return bool(stack.prometheus.query(asked))

    empty = {str(query) for query in queries() if not gives_data(query)}
    assert empty <= set(EMPTY_AT_FIRST)


def test_a_failing_api_and_its_recovery_are_logged(stack: Stack) -> None:
    stack.simulator.faults.add(Fault(account="globex", status=403))
    wait_until(
        lambda: stack.receiver.seen("MimecastCollectorFailing", "firing", account="globex", collector="campaigns")
    )
    assert not stack.receiver.seen("MimecastAccountFailing", "firing", account="globex")
    for endpoint in set(PATHS) - {"get-queue"}:
        stack.simulator.faults.add(Fault(endpoint=endpoint, account="globex", status=403))
    wait_until(lambda: stack.receiver.seen("MimecastAccountFailing", "firing", account="globex"))
    wait_until(lambda: stack.receiver.seen("MimecastCredentialsRefused", "firing", account="globex"))
    assert not stack.receiver.seen("MimecastAccountFailing", "firing", account="acme")
    firing = next(alert for alert in stack.receiver.alerts if alert["labels"]["alertname"] == "MimecastAccountFailing")
    assert firing["annotations"]["runbook_url"].endswith("docs/operations.md#mimecastaccountfailing")
    stack.simulator.faults.clear()
    wait_until(lambda: stack.receiver.seen("MimecastAccountFailing", "resolved", account="globex"))


def test_a_campaign_without_emails_fires(stack: Stack) -> None:
    wait_until(lambda: stack.receiver.seen("MimecastCampaignNothingSent", "firing", account="acme"))
    assert not stack.receiver.seen("MimecastDataImplausible", "firing")
