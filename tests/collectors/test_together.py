"""All collectors of the table against the simulated API: what they export, and that none hides or delays another."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from exporter.collectors import COLLECTORS
from exporter.config import CampaignFilter, OAuth2, Secret
from exporter.simulator import Fault, Simulator, configuration, fleet, refusal, running, serve
from exporter.simulator.items import PATHS
from tests.commands import run
from tests.serving import Exposition, Served, account, served
from tests.serving import configuration as settings_of

pytestmark = pytest.mark.anyio

ENDPOINTS = {name: collector.endpoint.name for name, collector in COLLECTORS.items()}
OTHERS = [name for name in COLLECTORS if name != "campaigns"]
#: What the simulator says of people, in the fields that must not be read.
PEOPLE = ("Whitfield", "payroll.example", "Priya", "Raman", "Novak", "Brno")
FORBIDDEN = {"status": 403, "body": refusal("app_forbidden", "Pat Example may not do this")}


@dataclass
class Exported:
    """A simulated API with one account, and the exporter that calls it."""

    simulator: Simulator
    exporter: Served

    def fail(self, collector: str, **fault: object) -> None:
        """Let the collector's endpoint answer as the fault says."""
        self.simulator.faults.add(msgspec.convert({"endpoint": ENDPOINTS[collector], **fault}, Fault))

    def calls(self, collector: str) -> int:
        """How many calls of the collector's endpoint were answered."""
        return sum(recorded.endpoint == ENDPOINTS[collector] for recorded in self.simulator.requests)

    async def scrape_until_up(self, *collectors: str) -> Exposition:
        """Scrape, each time for at most half a second, until all these collectors are up."""
        while True:
            exposition = await self.exporter.scrape(x_prometheus_scrape_timeout_seconds="1")
            if all(exposition.value("mimecast_collector_up", collector=name) for name in collectors):
                return exposition


@asynccontextmanager
async def exporting(ttl: float = 300, **changes: object) -> AsyncIterator[Exported]:
    simulator = Simulator(fleet(1))
    (acme,) = simulator.accounts
    async with serve(simulator) as base_url:
        credentials = OAuth2(client_id=acme.application, client_secret=Secret(acme.key))
        settings = replace(account("acme", base_url, credentials, tuple(COLLECTORS)), **changes)
        async with served(replace(settings_of(base_url, ttl=ttl), accounts=(settings,))) as exporter:
            yield Exported(simulator, exporter)


async def test_one_refresh_takes_one_call_a_collector_and_one_token() -> None:
    async with exporting() as exported:
        exposition = await exported.exporter.scrape("/probe?target=acme")
        await exported.exporter.scrape("/probe?target=acme")
        own = await exported.exporter.scrape("/metrics?collect[]=exporter")
        assert sorted(recorded.endpoint for recorded in exported.simulator.requests) == sorted([*PATHS, "token"])
    for collector in COLLECTORS.values():
        assert exposition.value("mimecast_collector_up", collector=collector.name) == 1
        assert collector.families[0].name in exposition.names
    assert exposition.value("mimecast_up") == exposition.value("probe_success") == 1
    assert exposition.value("mimecast_awareness_phishing_campaigns") == 13
    assert exposition.value("mimecast_awareness_safe_score_users", grade="e") is None
    assert own.values("mimecast_cache_hits_total") == [1, 1, 1, 1]


async def test_metrics_pages_and_logs_contain_no_names_of_people(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with exporting(ttl=0) as exported:
        items = [item for path in PATHS for item in exported.simulator.items("acme", path, 1_790_000_000.0)]
        assert all(person in json.dumps(items) for person in PEOPLE)
        shown = [(await exported.exporter.http.get(path)).text for path in ("/metrics", "/", "/config", "/sd")]
        for collector in COLLECTORS:
            exported.fail(collector, **FORBIDDEN)
        shown += [(await exported.exporter.http.get(path)).text for path in ("/metrics", "/")]
    assert 'collector="phishing",reason="permission"} 1' in shown[-2]
    assert "refresh failed" in caplog.text
    for person in (*PEOPLE, "Pat Example"):
        assert person not in caplog.text + "".join(shown)


@pytest.mark.parametrize("failing", OTHERS)
async def test_a_collector_without_permission_hides_no_other(failing: str) -> None:
    async with exporting(ttl=0) as exported:
        exported.fail(failing, **FORBIDDEN)
        exposition = await exported.exporter.scrape("/probe?target=acme")
        await exported.exporter.scrape()
        others = [name for name in COLLECTORS if name != failing]
        assert [exported.calls(name) for name in others] == [2, 2, 2]
        assert exported.calls(failing) == 1
    assert exposition.value("mimecast_up") == exposition.value("probe_success") == 0
    assert exposition.value("mimecast_collector_up", collector=failing) == 0
    assert exposition.value("mimecast_refresh_failures_total", collector=failing, reason="permission") == 1
    for other in others:
        assert exposition.value("mimecast_collector_up", collector=other) == 1
        assert COLLECTORS[other].families[0].name in exposition.names


@pytest.mark.parametrize("hanging", OTHERS)
async def test_a_collector_that_hangs_delays_no_other(hanging: str) -> None:
    others = [name for name in COLLECTORS if name != hanging]
    async with exporting() as exported:
        exported.fail(hanging, delay=3600)
        exposition = await exported.scrape_until_up(*others)
        assert [exported.calls(name) for name in others] == [1, 1, 1]
    assert exposition.value("mimecast_collector_up", collector=hanging) == 0
    assert COLLECTORS[hanging].families[0].name not in exposition.names
    for other in others:
        assert COLLECTORS[other].families[0].name in exposition.names


async def test_several_collectors_fail_for_reasons_of_their_own() -> None:
    async with exporting() as exported:
        exported.fail("phishing", **FORBIDDEN)
        exported.fail("safe_score", status=503)
        exported.fail("performance", body="<html>")
        exposition = await exported.exporter.scrape()
    assert exposition.failures == {"permission": 1, "server_error": 1, "invalid_response": 1}
    assert exposition.value("mimecast_collector_up", collector="campaigns") == 1
    assert exposition.value("mimecast_awareness_campaigns") == 16


@pytest.mark.parametrize("empty", OTHERS)
async def test_an_account_without_data_is_up_and_has_no_series(empty: str) -> None:
    async with exporting() as exported:
        exported.fail(empty, body={"meta": {"status": 200}, "fail": [], "data": []})
        exposition = await exported.exporter.scrape()
    assert exposition.value("mimecast_up") == 1
    assert exposition.value("mimecast_collector_up", collector=empty) == 1
    assert not {family.name for family in COLLECTORS[empty].families} & exposition.names
    if empty == "phishing":
        assert exposition.value("mimecast_awareness_phishing_campaigns") == 0


async def test_the_campaign_filters_apply_to_simulations_by_title() -> None:
    wanted = CampaignFilter(include=(re.compile("Urgent request.*"),))
    async with exporting(campaigns=wanted) as exported:
        exposition = await exported.exporter.scrape()
    sent = exposition.values("mimecast_awareness_phishing_campaign_sent", title="Urgent request from the CEO")
    assert exposition.values("mimecast_awareness_phishing_campaign_sent") == sent
    assert exposition.value("mimecast_awareness_phishing_campaigns") == 1
    assert exposition.value("mimecast_awareness_phishing_campaigns_skipped", reason="filtered") == 12


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(fleet(1))


@pytest.fixture
def config(simulator: Simulator, tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "config.yaml"
    with running(simulator) as base_url:
        file.write_text(configuration(simulator.accounts, base_url, tuple(COLLECTORS)))
        yield file


def test_check_online_prints_a_line_per_collector(config: Path) -> None:
    done = run("check", f"--config.file={config}", "--online")
    assert done.returncode == 0, done.stdout
    lines = [line.split(", ")[0] for line in done.stdout.splitlines()[1:]]
    assert lines == [
        "acme: campaigns: ok",
        "acme: phishing: ok",
        "acme: safe_score: ok",
        "acme: performance: ok",
    ]


def test_check_online_names_the_collector_and_the_permission_it_lacks(config: Path, simulator: Simulator) -> None:
    simulator.faults.add(Fault(endpoint="get-safe-score-summary", status=403))
    done = run("check", f"--config.file={config}", "--online")
    assert done.returncode == 1
    (failed,) = [line for line in done.stdout.splitlines() if "FAILED" in line]
    assert failed.startswith("acme: safe_score: FAILED (permission): ")
    assert "Awareness Training | Dashboard | Read" in failed
    assert done.stdout.count(": ok, ") == 3


def test_check_online_says_what_has_no_data(config: Path, simulator: Simulator) -> None:
    nothing = {"meta": {"status": 200}, "fail": [], "data": []}
    for endpoint in ("get-campaign", "get-safe-score-summary"):
        simulator.faults.add(msgspec.convert({"endpoint": endpoint, "body": nothing}, Fault))
    done = run("check", f"--config.file={config}", "--online")
    assert done.returncode == 0
    assert "acme: phishing: ok, 0 campaigns, " in done.stdout
    assert "acme: safe_score: ok, no data, " in done.stdout
