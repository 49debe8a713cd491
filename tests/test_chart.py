"""deploy/helm/mimecast-exporter: rendered by Helm itself, validated by the schemas of Kubernetes and the operator."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.prometheus_operator import v1, v1alpha1
from pydantic import BaseModel

from exporter import __version__
from exporter.cli.loading import catalog
from exporter.cli.parser import build_parser
from exporter.config import load_file
from tests.rules import FOLDER as RULES
from tests.rules import RULE_FILES

ROOT = RULES.parent
CHART = ROOT / "deploy" / "helm" / "mimecast-exporter"
DASHBOARDS = ROOT / "grafana" / "dashboards"
RELEASE = "mimecast-exporter"
NAMESPACE = "observability"
OPERATOR: dict[str, type[BaseModel]] = {
    "ServiceMonitor": v1.ServiceMonitor,
    "PrometheusRule": v1.PrometheusRule,
    "ScrapeConfig": v1alpha1.ScrapeConfig,
}
#: The defaults alone, and each file of ci/.
VALUES: dict[str, dict[str, Any]] = {
    "defaults": {},
    **{file.name.removesuffix("-values.yaml"): yaml.safe_load(file.read_text()) for file in (CHART / "ci").iterdir()},
}
Manifest = dict[str, Any]


def rendered(values: dict[str, Any], name: str = RELEASE) -> list[Manifest]:
    with helm.Chart.load(CHART) as chart:
        files = chart.render(values, name=name, namespace=NAMESPACE)
    texts = [text for path, text in files.items() if path.endswith(".yaml")]
    return [manifest for text in texts for manifest in yaml.safe_load_all(text) if manifest]


def of_kind(kind: str, manifests: list[Manifest]) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def workload(manifests: list[Manifest]) -> Manifest:
    (found,) = of_kind("Deployment", manifests) + of_kind("StatefulSet", manifests)
    return found


@pytest.fixture(params=VALUES)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return rendered(VALUES[request.param])


@pytest.fixture
def fleet() -> list[Manifest]:
    return rendered(VALUES["fleet"])


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("version", ["v1.25.0", f"v{kubernetes_validate.latest_version()}.0"])
def test_helm_lint_reports_neither_errors_nor_warnings(values: dict[str, Any], version: str) -> None:
    report = helm.lint(CHART, values, strict=True, kube_version=version)
    worse_than_info = [message for message in report["messages"] if message["severity"] > 1]
    assert (report["errors"], worse_than_info) == ([], [])


@pytest.mark.parametrize("version", ["1.25", kubernetes_validate.latest_version()])
def test_kubernetes_accepts_every_manifest(version: str, manifests: list[Manifest]) -> None:
    for manifest in manifests:
        if manifest["kind"] not in OPERATOR:
            kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("name", ["single", "fleet"])
def test_the_operator_accepts_and_reads_every_field_of_its_own_kinds(name: str) -> None:
    found = [manifest for manifest in rendered(VALUES[name]) if manifest["kind"] in OPERATOR]
    assert {manifest["kind"] for manifest in found} >= {"ServiceMonitor", "PrometheusRule"}
    for manifest in found:
        read = OPERATOR[manifest["kind"]].model_validate(manifest)
        assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == manifest


def test_no_two_manifests_have_the_same_name(manifests: list[Manifest]) -> None:
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests]
    assert len(names) == len(set(names))


def test_everything_is_in_the_namespace_of_the_release(manifests: list[Manifest]) -> None:
    assert {manifest["metadata"]["namespace"] for manifest in manifests} == {NAMESPACE}


def test_names_begin_with_the_release_unless_they_are_overridden() -> None:
    for name, values, expected in [
        ("mimecast-exporter", {}, "mimecast-exporter"),
        ("eu", {}, "eu-mimecast-exporter"),
        ("eu", {"fullnameOverride": "training"}, "training"),
    ]:
        assert workload(rendered(values, name=name))["metadata"]["name"] == expected


def test_restricted_pod_security_admits_the_pods(manifests: list[Manifest]) -> None:
    pod = workload(manifests)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_user_may_be_left_to_the_cluster_as_openshift_requires() -> None:
    unset = dict.fromkeys(["runAsUser", "runAsGroup", "fsGroup"])
    pod = workload(rendered({"podSecurityContext": unset}))["spec"]["template"]["spec"]
    assert set(pod["securityContext"]) == {"runAsNonRoot", "seccompProfile"}


def test_pods_have_probes_and_bounds_and_the_image_of_this_version(manifests: list[Manifest]) -> None:
    (container,) = workload(manifests)["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"mimecast-exporter:{__version__}"
    assert container["livenessProbe"]["httpGet"]["path"] == "/-/healthy"
    assert container["readinessProbe"]["httpGet"]["path"] == "/-/ready"
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]


def test_a_digest_takes_precedence_over_the_tag() -> None:
    digest = "sha256:" + "0" * 64
    (container,) = workload(rendered({"image": {"digest": digest}}))["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"mimecast-exporter@{digest}"


def test_mounted_files_are_read_only_and_follow_their_source(manifests: list[Manifest]) -> None:
    pod = workload(manifests)["spec"]["template"]["spec"]
    mounts = pod["containers"][0]["volumeMounts"]
    assert all(mount["readOnly"] and "subPath" not in mount for mount in mounts)
    assert {mount["name"] for mount in mounts} == {volume["name"] for volume in pod["volumes"]}


def test_the_exporter_has_every_flag_that_the_chart_passes(manifests: list[Manifest]) -> None:
    (container,) = workload(manifests)["spec"]["template"]["spec"]["containers"]
    options = build_parser().parse_args(container["args"])
    assert options.config_watch


def mounted(manifests: list[Manifest], folder: Path) -> Path:
    """Write the files that a pod sees below /etc/mimecast-exporter to a folder; return the configuration file."""
    pod = workload(manifests)["spec"]["template"]["spec"]
    maps = {manifest["metadata"]["name"]: manifest["data"] for manifest in of_kind("ConfigMap", manifests)}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in pod["containers"][0]["volumeMounts"]:
        target = folder / Path(mount["mountPath"]).relative_to("/etc/mimecast-exporter")
        target.mkdir()
        for name, text in maps.get(volumes[mount["name"]].get("configMap", {}).get("name"), {}).items():
            (target / name).write_text(text.replace("/etc/mimecast-exporter", str(folder)))
    (flag,) = [word for word in pod["containers"][0]["args"] if word.startswith("--config.file=")]
    return folder / Path(flag.partition("=")[2]).relative_to("/etc/mimecast-exporter")


@pytest.mark.parametrize("name", ["single", "fleet"])
def test_the_exporter_loads_the_accounts_of_the_values(name: str, tmp_path: Path) -> None:
    config = mounted(rendered(VALUES[name]), tmp_path)
    for account in VALUES[name]["accounts"]:
        (tmp_path / "secrets" / account).write_text("a-secret\n")
    loaded = load_file(config, environ={}, catalog=catalog())
    assert {account.name for account in loaded.accounts} == set(VALUES[name]["accounts"])


def test_an_account_of_the_values_may_have_any_name_that_yaml_would_take_for_something_else(tmp_path: Path) -> None:
    names = ["yes", "1e3", "null", "2024-01-01", "a.b", "A_b"]
    account = VALUES["single"]["accounts"]["acme"]
    config = mounted(rendered({**VALUES["single"], "accounts": dict.fromkeys(names, account)}), tmp_path)
    (tmp_path / "secrets" / "acme").write_text("a-secret\n")
    assert {account.name for account in load_file(config, environ={}, catalog=catalog()).accounts} == set(names)


def test_accounts_may_come_from_a_config_map_that_another_program_writes() -> None:
    manifests = rendered({"existingAccountsConfigMap": "customers"})
    volumes = {volume["name"]: volume for volume in workload(manifests)["spec"]["template"]["spec"]["volumes"]}
    assert volumes["accounts"]["configMap"]["name"] == "customers"
    assert len(of_kind("ConfigMap", manifests)) == 1


def test_prometheus_asks_one_replica_of_a_fleet_for_each_account(fleet: list[Manifest]) -> None:
    (scrape,) = of_kind("ScrapeConfig", fleet)
    (service,) = of_kind("Service", fleet)
    replicas = workload(fleet)
    shard, address = scrape["spec"]["relabelings"]
    assert shard["modulus"] == replicas["spec"]["replicas"]
    assert service["spec"]["clusterIP"] == "None"
    assert replicas["spec"]["serviceName"] == service["metadata"]["name"]
    pod = f"{replicas['metadata']['name']}-$1.{service['metadata']['name']}.{NAMESPACE}.svc:10587"
    assert address["replacement"] == pod


def test_one_replica_of_a_fleet_lists_the_accounts(fleet: list[Manifest]) -> None:
    (scrape,) = of_kind("ScrapeConfig", fleet)
    (discovery,) = scrape["spec"]["httpSDConfigs"]
    address = scrape["spec"]["relabelings"][1]["replacement"].replace("$1", "0")
    assert discovery["url"] == f"https://{address}/sd"


def test_scrapes_of_a_fleet_speak_tls_and_authenticate_everywhere(fleet: list[Manifest]) -> None:
    client = VALUES["fleet"]["serviceMonitor"]["client"]
    (monitor,), (scrape,) = of_kind("ServiceMonitor", fleet), of_kind("ScrapeConfig", fleet)
    for requests in (monitor["spec"]["endpoints"][0], scrape["spec"], scrape["spec"]["httpSDConfigs"][0]):
        assert {name: requests[name] for name in client} == client
    assert (monitor["spec"]["endpoints"][0]["scheme"], scrape["spec"]["scheme"]) == ("https", "HTTPS")


def test_the_service_monitor_of_a_fleet_asks_for_the_metrics_of_the_exporters_alone(fleet: list[Manifest]) -> None:
    (monitor,) = of_kind("ServiceMonitor", fleet)
    assert monitor["spec"]["endpoints"][0]["params"] == {"collect[]": ["exporter"]}


@pytest.mark.parametrize("kind", ["ServiceMonitor", "ScrapeConfig", "PrometheusRule"])
def test_kube_prometheus_stack_selects_the_objects_of_the_operator(kind: str, fleet: list[Manifest]) -> None:
    (found,) = of_kind(kind, fleet)
    assert found["metadata"]["labels"]["release"] == "kube-prometheus-stack"


def selected(manifest: Manifest) -> dict[str, str]:
    selector = manifest["spec"].get("podSelector") or manifest["spec"]["selector"]
    labels: dict[str, str] = selector.get("matchLabels", selector)
    return labels


@pytest.mark.parametrize("name", ["single", "fleet"])
def test_every_selector_matches_what_it_selects(name: str) -> None:
    manifests = rendered(VALUES[name])
    pods = workload(manifests)["spec"]["template"]["metadata"]["labels"]
    (service,) = of_kind("Service", manifests)
    selecting = [m for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy") for m in of_kind(kind, manifests)]
    assert all(selected(manifest).items() <= pods.items() for manifest in [workload(manifests), *selecting])
    (monitor,) = of_kind("ServiceMonitor", manifests)
    assert selected(monitor).items() <= service["metadata"]["labels"].items()


def shipped_groups() -> Iterator[dict[str, Any]]:
    for name in RULE_FILES:
        yield from yaml.safe_load((RULES / name).read_text())["groups"]


def test_the_rules_are_the_shipped_ones_and_promtool_accepts_them(
    fleet: list[Manifest], promtool: Path, tmp_path: Path
) -> None:
    (rule,) = of_kind("PrometheusRule", fleet)
    groups = {group["name"]: group for group in rule["spec"]["groups"]}
    assert groups == {group["name"]: group for group in shipped_groups()}
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump(rule["spec"]))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_threshold_of_the_values_replaces_the_shipped_one_and_no_other() -> None:
    changed = VALUES["single"]["prometheusRule"]["thresholds"]
    (rule,) = of_kind("PrometheusRule", rendered(VALUES["single"]))
    rules = {r["record"]: r["expr"] for group in rule["spec"]["groups"] for r in group["rules"] if "record" in r}
    shipped = {r["record"]: r["expr"] for group in shipped_groups() for r in group["rules"] if "record" in r}
    assert rules == {**shipped, **{name: f"vector({value})" for name, value in changed.items()}}


def test_a_threshold_that_no_rule_has_is_refused() -> None:
    values = {"prometheusRule": {"enabled": True, "thresholds": {"no:such:threshold": 1}}}
    with pytest.raises(helm.HelmError, match="no recording rule has this name: no:such:threshold"):
        rendered(values)


def test_every_dashboard_is_in_a_config_map_that_grafana_finds(fleet: list[Manifest]) -> None:
    labelled = [m for m in of_kind("ConfigMap", fleet) if m["metadata"]["labels"].get("grafana_dashboard") == "1"]
    contents = {name: json.loads(text) for manifest in labelled for name, text in manifest["data"].items()}
    assert contents == {file.name: json.loads(file.read_text()) for file in DASHBOARDS.glob("*.json")}


def test_the_network_policy_allows_dns_wherever_its_pods_listen(fleet: list[Manifest]) -> None:
    (policy,) = of_kind("NetworkPolicy", fleet)
    dns = [(port["protocol"], port["port"]) for port in policy["spec"]["egress"][0]["ports"]]
    assert sorted(dns) == [("TCP", 53), ("TCP", 5353), ("UDP", 53), ("UDP", 5353)]


def test_what_kubernetes_need_not_have_is_off_by_default() -> None:
    assert {manifest["kind"] for manifest in rendered({})} == {"ConfigMap", "Deployment", "Service"}


def test_the_packaged_chart_contains_what_the_folder_links_to(tmp_path: Path) -> None:
    package = helm.package(CHART, destination=tmp_path)
    with tarfile.open(package) as archive:
        names = {member.name.removeprefix(f"{RELEASE}/") for member in archive if member.isfile()}
    files = {name for name in names if name.startswith("files/")}
    assert files == {f"files/rules/{name}" for name in RULE_FILES} | {
        f"files/dashboards/{file.name}" for file in DASHBOARDS.glob("*.json")
    }
    with helm.Chart.load(package) as chart:
        from_package = chart.render(VALUES["fleet"], name=RELEASE, namespace=NAMESPACE)
    with helm.Chart.load(CHART) as chart:
        assert from_package == chart.render(VALUES["fleet"], name=RELEASE, namespace=NAMESPACE)


def test_chart_and_application_have_the_version_of_the_exporter() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


ACCOUNT = VALUES["single"]["accounts"]["acme"]


@pytest.mark.parametrize(
    "values",
    [
        {"replicas": 3},
        {"fleet": {"replica": 3}},
        {"fleet": {"replicas": 0}},
        {"image": {"digest": "latest"}},
        {"accounts": {"acme": {"region": "global"}}},
        {"accounts": {"acme": {**ACCOUNT, "name": "acme"}}},
        {"accounts": {"acme/eu": ACCOUNT}},
        {"accounts": [ACCOUNT]},
        {"config": {"account_files": ["/elsewhere/*.yaml"]}},
        {"existingSecret": "Not_A_Name"},
        {"extraArgs": ["serve"]},
        {"serviceMonitor": {"interval": "1 minute"}},
        {"serviceMonitor": {"client": {"basic_auth": {}}}},
        {"prometheusRule": {"thresholds": {"a:b:threshold": "high"}}},
        {"podLabels": {"team": 1}},
    ],
    ids=str,
)
def test_values_that_cannot_be_meant_are_refused(values: dict[str, Any]) -> None:
    with helm.Chart.load(CHART) as chart, pytest.raises(helm.HelmValuesError):
        chart.validate_schema(values)


def test_the_schema_describes_every_value() -> None:
    def keys(node: dict[str, Any], properties: dict[str, Any]) -> None:
        assert set(node) <= set(properties)
        for name, value in node.items():
            if isinstance(value, dict) and "properties" in properties[name]:
                keys(value, properties[name]["properties"])

    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    keys(defaults, schema["properties"])
    assert set(schema["properties"]) - set(defaults) == {"global"}
