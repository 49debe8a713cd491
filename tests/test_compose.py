"""deploy/compose.yaml: what can be told of it without an engine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__
from tests.rules import FOLDER as RULES

DEPLOY = RULES.parent / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_local_and_without_privileges(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert name == "exporter" or service["healthcheck"]["test"][0] == "CMD"


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


def test_the_image_is_of_this_version() -> None:
    assert SERVICES["exporter"]["image"] == f"mimecast-exporter:{__version__}"
    assert (DEPLOY / SERVICES["exporter"]["build"] / "Dockerfile").exists()


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
