"""deploy/kubernetes: what the schemas accept, what restricted pod security admits, and the shipped rules."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from exporter import __version__
from exporter.cli.loading import catalog
from exporter.config import load_file
from tests.rules import FOLDER as RULES
from tests.rules import RULE_FILES

ROOT = RULES.parent
KUBERNETES = ROOT / "deploy" / "kubernetes"
MANIFESTS = [
    (file, manifest)
    for file in sorted(KUBERNETES.rglob("*.yaml"))
    if file.name not in ("kustomization.yaml", "config.yaml") and file.parent.name != "accounts"
    for manifest in yaml.safe_load_all(file.read_text())
]
CUSTOM = "monitoring.coreos.com"
WORKLOADS = [manifest for _, manifest in MANIFESTS if manifest["kind"] in ("Deployment", "StatefulSet")]


def named(value: Any) -> str:
    return str(value.relative_to(KUBERNETES)) if isinstance(value, Path) else f"{value['kind']}"


@pytest.mark.parametrize(("file", "manifest"), MANIFESTS, ids=named)
def test_a_manifest_is_what_its_schema_asks_for(file: Path, manifest: dict[str, Any]) -> None:
    if CUSTOM in manifest["apiVersion"]:
        assert manifest["kind"] in ("ServiceMonitor", "ScrapeConfig", "PrometheusRule")
        assert manifest["metadata"]["name"]
        assert manifest["spec"]
    else:
        kubernetes_validate.validate(manifest, "1.31", strict=True)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload["kind"])
def test_pods_are_what_restricted_pod_security_admits(workload: dict[str, Any]) -> None:
    pod = workload["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["image"] == f"mimecast-exporter:{__version__}"
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")} == {
        "/-/healthy",
        "/-/ready",
    }
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("folder", ["base", "fleet"])
def test_a_kustomization_names_every_file_beside_it(folder: str) -> None:
    kustomization = yaml.safe_load((KUBERNETES / folder / "kustomization.yaml").read_text())
    named_files = set(kustomization["resources"])
    for generator in kustomization["configMapGenerator"]:
        named_files |= set(generator["files"])
    assert all((KUBERNETES / folder / name).exists() for name in named_files)
    beside = {
        str(path.relative_to(KUBERNETES / folder))
        for path in (KUBERNETES / folder).rglob("*.yaml")
        if path.name not in ("kustomization.yaml", "secret.example.yaml")
    }
    assert beside <= named_files


def test_disruptions_take_one_replica_at_a_time() -> None:
    (budget,) = [manifest for _, manifest in MANIFESTS if manifest["kind"] == "PodDisruptionBudget"]
    assert budget["spec"]["maxUnavailable"] == 1


def test_the_rules_are_the_shipped_ones(tmp_path: Path) -> None:
    written = tmp_path / "rule.yaml"
    subprocess.run([sys.executable, KUBERNETES / "generate.py", written], check=True)
    committed = KUBERNETES / "base" / "prometheusrule.yaml"
    assert committed.read_text() == written.read_text(), "run `make docs`"
    shipped = [group for name in RULE_FILES for group in yaml.safe_load((RULES / name).read_text())["groups"]]
    assert yaml.safe_load(committed.read_text())["spec"]["groups"] == shipped


@pytest.mark.parametrize("file", ["base/config.yaml", "fleet/accounts/acme.yaml", "fleet/accounts/globex.yaml"])
def test_the_configurations_are_valid_once_their_secrets_are_there(file: str, tmp_path: Path) -> None:
    text = (KUBERNETES / file).read_text()
    (tmp_path / "secret").write_text("a-secret\n")
    config = tmp_path / "config.yaml"
    config.write_text(re.sub(r"client_secret_file: \S+", f"client_secret_file: {tmp_path}/secret", text))
    assert len(load_file(config, environ={}, catalog=catalog()).accounts) == 1


def test_replicas_and_the_modulus_agree() -> None:
    (replicas,) = [manifest["spec"]["replicas"] for _, manifest in MANIFESTS if manifest["kind"] == "StatefulSet"]
    scrapes = [manifest["spec"] for _, manifest in MANIFESTS if manifest["kind"] == "ScrapeConfig"]
    assert scrapes[0]["relabelings"][0]["modulus"] == replicas


def recipes() -> list[str]:
    return re.findall(r"```yaml\n(scrape_configs:.*?)```", (ROOT / "docs" / "fleets.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("recipe", recipes())
def test_the_documented_recipes_are_configurations(recipe: str, promtool: Path, tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text(recipe)
    done = subprocess.run([promtool, "check", "config", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
