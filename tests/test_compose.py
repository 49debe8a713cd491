"""deploy/compose.yaml: what can be told of it without an engine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__
from tests.commands import COMMAND
from tests.dashboards import DASHBOARDS, panels
from tests.rules import FOLDER as RULES
from tests.stack import prometheus_running

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


def test_grafana_is_the_one_whose_options_the_dashboards_have() -> None:
    versions = {panel["pluginVersion"] for name in DASHBOARDS for panel in panels(name)}
    assert {SERVICES["grafana"]["image"].removeprefix("grafana/grafana:")} == versions


def test_no_password_is_set_and_none_is_needed() -> None:
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert not [name for name in environment if "PASSWORD" in name]


@pytest.mark.parametrize("name", ["exporter", "seed"])
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
    assert f"--history-label=instance={target} " in SERVICES["seed"]["command"][0]
    assert job["job_name"] == "mimecast"


def run_service(name: str, replacements: dict[str, str]) -> None:
    """Run the script of a service, with other paths and programs."""
    (script,) = SERVICES[name]["command"]
    for old, new in replacements.items():
        assert old in script
        script = script.replace(old, new)
    environ = os.environ | {"EXPORTER_COMMAND": "demo", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environ["TMPDIR"] = "/nowhere"  # a container's file system is read-only
    command = ["sh", "-euc", script.replace("$$", "$")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


#: What needs a longer past than the one of the test, a scrape of /probe, or the first live sample.
NOT_SEEDED = {
    "account:mimecast_awareness_completion_day_ratio:median",
    "account:mimecast_awareness_completion_days_to_half:median",
    "account:mimecast_awareness_safe_score_low_grades:average30d",
    "campaign:mimecast_awareness_completion:account_median_ratio",
    "campaign:mimecast_awareness_completion:days_to_half",
    "job:mimecast_probe_targets:bool",
}


@pytest.mark.timeout(300)
def test_prometheus_starts_with_the_past_and_with_what_the_rules_make_of_it(
    prometheus: Path, promtool: Path, tmp_path: Path
) -> None:
    data = tmp_path / "server" / "data"
    data.mkdir(parents=True)
    programs = {"/bin/prometheus": str(prometheus), "/bin/promtool": str(promtool)}
    run_service("tools", {**programs, " /prometheus/": f" {data}/"})
    run_service(
        "seed",
        {
            "mimecast-exporter simulate --history=180d": f"{shlex.join(COMMAND)} simulate --accounts=1 --history=30d",
            "/prometheus": str(data),
            "/seed/seed.py": str(DEPLOY / "compose" / "seed.py"),
            "/seed/thresholds": str(RULES / "thresholds"),
            "/seed/recording": str(RULES / "recording"),
        },
    )
    with prometheus_running(prometheus, data.parent, {}, "--query.lookback-delta=2h") as server:
        seeded = server.query('group by (__name__) (last_over_time({__name__=~".+:.+"}[2h]))')
        assert {found["metric"]["__name__"] for found in seeded} == recorded() - NOT_SEEDED
        campaigns = server.value("count(mimecast_awareness_campaign_launch_timestamp_seconds)")
        assert server.value("count(campaign:mimecast_awareness_state:enum)") == campaigns
        # Rules of a later level.
        of_rules = "campaign:mimecast_awareness_users_completed:max / campaign:mimecast_awareness_audience:users"
        assert server.query(f"campaign:mimecast_awareness_completion:ratio != clamp_max({of_rules}, 1)") == []
        assert server.query("account:mimecast_awareness_completion:ratio90d")
        assert server.value("count(simulation:mimecast_awareness_phishing_clicked:ratio)") == server.value(
            "count(mimecast_awareness_phishing_campaign_sent > 0)"
        )
        # What was once recorded is kept.
        day_ratio = "campaign:mimecast_awareness_completion:day_ratio"
        assert server.value(f"count({day_ratio})") == server.value(f"count(count_over_time({day_ratio}[31d]))")
        assert server.query(f"changes({day_ratio}[31d]) > 0") == []


def recorded() -> set[str]:
    """Return the names of the series that the rules record."""
    files = [yaml.safe_load((RULES / name).read_text()) for name in ("thresholds.yml", "recording.yml")]
    return {rule["record"] for file in files for group in file["groups"] for rule in group["rules"]}
