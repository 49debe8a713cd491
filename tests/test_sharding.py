"""200 accounts, two exporters, one Prometheus that finds them by /sd and gives each account to one replica."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.simulator import Simulator, configuration, fleet
from exporter.simulator import running as simulating
from tests.commands import Running, running
from tests.stack import Prometheus, prometheus_running, wait_until

pytestmark = [pytest.mark.xdist_group("end to end"), pytest.mark.timeout(240)]

ACCOUNTS = 200
REPLICAS = 2


@dataclass
class Sharded:
    simulator: Simulator
    prometheus: Prometheus
    exporters: list[str]
    folder: Path
    api: str


def relabelling(exporters: list[str]) -> list[dict[str, Any]]:
    """The recipe of the documentation: an account's name decides which replica is asked for it."""
    chosen: list[dict[str, Any]] = [
        {"source_labels": ["__tmp_shard"], "regex": str(number), "target_label": "__address__", "replacement": address}
        for number, address in enumerate(exporters)
    ]
    shard = {
        "source_labels": ["__param_target"],
        "modulus": REPLICAS,
        "target_label": "__tmp_shard",
        "action": "hashmod",
    }
    return [shard, *chosen]


@pytest.fixture(scope="module")
def sharded(prometheus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sharded]:
    folder = tmp_path_factory.mktemp("sharded")
    simulator = Simulator(fleet(ACCOUNTS + 1), campaigns=3)
    accounts = folder / "accounts.d"
    accounts.mkdir()
    config = folder / "config.yaml"
    config.write_text("account_files: [accounts.d/*.yaml]\ncache: {ttl: 2s}\n")
    serving = ("serve", f"--config.file={config}", "--web.listen-address=127.0.0.1:0", "--web.enable-lifecycle")
    with simulating(simulator) as api:
        for account in simulator.accounts[:ACCOUNTS]:
            (accounts / f"{account.name}.yaml").write_text(configuration([account], api))
        with running(*serving) as one, running(*serving) as two:
            exporters = [where(one), where(two)]
            scrape = {
                "job_name": "mimecast",
                "scrape_interval": "2s",
                "scrape_timeout": "2s",
                "http_sd_configs": [{"url": f"http://{exporters[0]}/sd", "refresh_interval": "1s"}],
                "relabel_configs": relabelling(exporters),
            }
            with prometheus_running(prometheus, folder / "prometheus", {"scrape_configs": [scrape]}) as server:
                yield Sharded(simulator, server, exporters, folder, api)


def where(exporter: Running) -> str:
    """A running exporter's host and port, once its log tells."""
    return exporter.base_url.removeprefix("http://")


def replica_of(target: dict[str, object]) -> str:
    return str(target["scrapeUrl"]).split("/")[2]


def test_every_account_is_scraped_once_by_the_replica_it_belongs_to(sharded: Sharded) -> None:
    wait_until(lambda: sharded.prometheus.value("count(probe_success == 1)") == ACCOUNTS)
    targets = sharded.prometheus.targets()
    assert len(targets) == ACCOUNTS
    assert len({target["labels"]["instance"] for target in targets}) == ACCOUNTS
    shares = Counter(replica_of(target) for target in targets)
    assert set(shares) == set(sharded.exporters)
    assert min(shares.values()) > ACCOUNTS / 4
    assert sharded.prometheus.value("max(count by (account) (mimecast_up))") == 1
    for replica in sharded.exporters:
        text = httpx.get(f"http://{replica}/", trust_env=False).text
        assert text.count('class="state up"') == shares[replica]


def test_an_account_file_added_while_it_runs_appears_without_a_restart(sharded: Sharded) -> None:
    wait_until(lambda: sharded.prometheus.value("count(probe_success == 1)") == ACCOUNTS)
    added = sharded.simulator.accounts[-1]
    (sharded.folder / "accounts.d" / f"{added.name}.yaml").write_text(configuration([added], sharded.api))
    for replica in sharded.exporters:
        assert httpx.post(f"http://{replica}/-/reload", trust_env=False).status_code == 200
    wait_until(lambda: sharded.prometheus.value(f'probe_success{{instance="{added.name}"}}') == 1)


def recipes() -> list[str]:
    text = (Path(__file__).parent.parent / "docs" / "fleets.md").read_text()
    return re.findall(r"```yaml\n(scrape_configs:.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("recipe", recipes())
def test_the_documented_recipes_are_configurations(recipe: str, promtool: Path, tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text(recipe)
    done = subprocess.run([promtool, "check", "config", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
