"""deploy/compose.yaml: what can be told of it without an engine."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__
from tests.commands import run
from tests.rules import FOLDER as RULES
from tests.stack import free_port, prometheus_running

DEPLOY = RULES.parent / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_local_and_without_privileges(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    ends = "restart" not in service
    assert ends or name == "exporter" or service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_exists(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        assert source in COMPOSE["volumes"] or (DEPLOY / source).exists(), source


def test_no_password_is_set_and_none_is_needed() -> None:
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert not [name for name in environment if "PASSWORD" in name]


@pytest.mark.parametrize("name", ["exporter", "history"])
def test_the_image_is_of_this_version(name: str) -> None:
    assert SERVICES[name]["image"] == f"mimecast-exporter:{__version__}"
    assert (DEPLOY / SERVICES[name]["build"] / "Dockerfile").exists()


def test_the_exporter_is_given_every_variable_that_configures_an_account() -> None:
    documented = set(re.findall(r"`(MIMECAST_[A-Z_]+)`", (DEPLOY.parent / "docs" / "configuration.md").read_text()))
    assert set(SERVICES["exporter"]["environment"]) == documented


def test_no_secret_beside_the_compose_file_is_committed() -> None:
    (folder,) = [volume.split(":")[0] for volume in SERVICES["exporter"]["volumes"] if ":/run/secrets" in volume]
    ignored = (DEPLOY / folder / ".gitignore").read_text().splitlines()
    assert ignored == ["*", "!.gitignore"]


def test_prometheus_reads_its_configuration(promtool: Path, tmp_path: Path) -> None:
    for name in ("thresholds.yml", "recording.yml", "alerts.yml"):
        shutil.copy(RULES / name, tmp_path)
    shutil.copy(DEPLOY / "compose" / "prometheus.yml", tmp_path)
    done = subprocess.run([promtool, "check", "config", tmp_path / "prometheus.yml"], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_history_has_the_labels_of_the_scraped_target() -> None:
    (job,) = yaml.safe_load((DEPLOY / "compose" / "prometheus.yml").read_text())["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    assert f"--history-label=instance={target} " in SERVICES["history"]["command"][0]
    assert job["job_name"] == "mimecast"


def test_what_rules_read_is_recorded_in_a_pass_before_theirs() -> None:
    (passes,) = re.findall(r"^passes=(\d+)$", (DEPLOY / "compose" / "seed.sh").read_text(), re.MULTILINE)
    files = [yaml.safe_load((RULES / name).read_text()) for name in ("thresholds.yml", "recording.yml")]
    rules = [rule for file in files for group in file["groups"] for rule in group["rules"]]
    exprs = {rule["record"]: str(rule["expr"]) for rule in rules}

    def level(name: str) -> int:
        read = [other for other in exprs if other != name and re.search(rf"(?<![\w:]){other}(?![\w:])", exprs[name])]
        return 1 + max(map(level, read), default=0)

    assert max(map(level, exprs)) <= int(passes)


#: The last one would have too many series where it is evaluated before the others have been.
LEVELS = [
    {"record": "level:one", "expr": "max by (job, campaign_id) (mimecast_awareness_campaign_users_completed)"},
    {"record": "level:two", "expr": "2 * level:one"},
    {"record": "level:three", "expr": "level:one unless (level:two > 0)"},
]


@pytest.mark.timeout(600)
def test_prometheus_starts_with_the_past_and_with_what_the_rules_make_of_it(
    prometheus: Path, promtool: Path, tmp_path: Path
) -> None:
    history, data = tmp_path / "demo.om.gz", tmp_path / "server" / "data"
    data.mkdir(parents=True)
    written = run("simulate", "--history=1d", "--accounts=1", "--history-label=instance=demo:1")
    assert written.returncode == 0, written.stderr
    history.write_bytes(gzip.compress(written.stdout.encode()))
    rules = tmp_path / "rules.yml"
    rules.write_text(
        yaml.safe_dump({"groups": [{"name": "levels", "interval": "1s", "rules": LEVELS}]}, sort_keys=False)
    )
    seed: list[str | Path] = ["sh", DEPLOY / "compose" / "seed.sh", history, data, rules]
    environ = {"PATH": f"{prometheus.parent}:{promtool.parent}:{os.environ['PATH']}", "SEED_PORT": str(free_port())}
    seeded = subprocess.run(seed, env=environ, capture_output=True, text=True, check=False)
    assert seeded.returncode == 0, seeded.stderr
    assert not (data / "seed").exists()
    at = f"@ {int(time.time()) // 3600 * 3600 - 43200 - 1}"  # just before a scrape, half a day ago
    completed = f"mimecast_awareness_campaign_users_completed {at}"
    with prometheus_running(prometheus, data.parent, {}, "--query.lookback-delta=1h") as server:
        assert server.value(f'count(mimecast_up{{job="mimecast",instance="demo:1"}} {at})') == 1
        campaigns, none = server.value(f"count({completed})"), server.value(f"count({completed} == 0)")
        assert none
        assert server.value(f"count(level:one {at})") == server.value(f"count(level:two {at})") == campaigns
        assert server.query(f"level:two {at} != on (campaign_id) 2 * {completed}") == []
        assert server.value(f"count(level:three {at})") == none
    again = subprocess.run(seed, env=environ, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr) == (0, "")  # Prometheus has run, so nothing is added
