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

pytestmark = pytest.mark.timeout(240)

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


def mount_accounts(simulator: Simulator, api: str, folder: Path, number: int) -> None:
    """Write a file for each account in the way of the kubelet: links into a folder that is exchanged as a whole."""
    version = folder / f"..{number}"
    version.mkdir(parents=True)
    for account in simulator.accounts[:number]:
        name = f"{account.name}.yaml"
        (version / name).write_text(configuration([account], api))
    (folder / "..data_tmp").symlink_to(version.name)
    (folder / "..data_tmp").replace(folder / "..data")
    for file in version.iterdir():
        if not (folder / file.name).is_symlink():
            (folder / file.name).symlink_to(Path("..data", file.name))


@pytest.fixture(scope="module")
def sharded(prometheus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sharded]:
    folder = tmp_path_factory.mktemp("sharded")
    simulator = Simulator(fleet(ACCOUNTS + 1), campaigns=3)
    config = folder / "config.yaml"
    config.write_text("account_files: [accounts.d/*.yaml]\ncache: {ttl: 2s}\n")
    serving = ("serve", f"--config.file={config}", "--web.listen-address=127.0.0.1:0", "--config.watch=0.5")
    with simulating(simulator) as api:
        mount_accounts(simulator, api, folder / "accounts.d", ACCOUNTS)
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


def test_an_account_added_to_the_files_appears_without_a_restart_or_a_request_to_reload(sharded: Sharded) -> None:
    wait_until(lambda: sharded.prometheus.value("count(probe_success == 1)") == ACCOUNTS)
    mount_accounts(sharded.simulator, sharded.api, sharded.folder / "accounts.d", ACCOUNTS + 1)
    added = sharded.simulator.accounts[-1].name
    wait_until(lambda: sharded.prometheus.value(f'probe_success{{instance="{added}"}}') == 1)


def recipes() -> list[str]:
    text = (Path(__file__).parent.parent / "docs" / "fleets.md").read_text()
    return re.findall(r"```yaml\n(scrape_configs:.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("recipe", recipes())
def test_the_documented_recipes_are_configurations(recipe: str, promtool: Path, tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text(recipe)
    done = subprocess.run([promtool, "check", "config", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
