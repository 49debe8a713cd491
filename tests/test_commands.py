"""The commands as users run them: the installed program, a simulated API, real signals."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest
import trustme

from exporter.accounts.status import ACCOUNT_FAMILIES, COLLECTOR_FAMILIES, LOOKUP_FAMILIES
from exporter.collectors import COLLECTORS, Family
from exporter.simulator import Fault, Simulator, configuration, fleet, refusal
from exporter.simulator import running as simulating
from tests.commands import COMMAND, run, running

ROOT = Path(__file__).parent.parent
LISTEN = "--web.listen-address=127.0.0.1:0"


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(fleet(3))


@pytest.fixture
def api(simulator: Simulator) -> Iterator[str]:
    with simulating(simulator) as base_url:
        yield base_url


@pytest.fixture
def config(simulator: Simulator, api: str, tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(configuration(simulator.accounts, api))
    return file


def changed(config: Path, before: str, after: str) -> Path:
    text = config.read_text()
    assert before in text
    config.write_text(text.replace(before, after))
    return config


def test_the_demo_needs_nothing_and_shows_every_account(promtool: Path) -> None:
    with running("demo", LISTEN) as demo:
        base_url = demo.wait_for(r"http://localhost:\d+/metrics")[0]
        text = httpx.get(base_url, trust_env=False).text
        assert demo.end() == 0
    for name in ("acme", "globex", "initech"):
        assert f'mimecast_up{{account="{name}"}} 1\n' in text
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_the_demo_shows_every_metric_of_the_tables() -> None:
    with running("demo", LISTEN) as demo:
        text = httpx.get(demo.base_url + "/metrics", trust_env=False).text
    families: list[Family[Any]] = [*ACCOUNT_FAMILIES, *COLLECTOR_FAMILIES, *LOOKUP_FAMILIES]
    names = [family.name for family in (*families, *(one for each in COLLECTORS.values() for one in each.families))]
    missing = [name for name in names if f"\n{name}{{" not in text]
    assert missing == []


def test_curl_reads_all_of_a_compressed_answer() -> None:
    with running("demo", LISTEN) as demo:
        url = demo.base_url + "/metrics"
        packed = subprocess.run(["curl", "-sS", "--compressed", url], capture_output=True, check=True).stdout
        plain = subprocess.run(["curl", "-sS", url], capture_output=True, check=True).stdout
    assert b"process_cpu_seconds_total" in packed
    assert packed.count(b"\n") == plain.count(b"\n")


def test_serving_a_file_of_accounts_of_both_versions(config: Path) -> None:
    with running("serve", f"--config.file={config}", LISTEN) as exporter:
        text = httpx.get(exporter.base_url + "/metrics", trust_env=False).text
        assert exporter.end() == 0
    assert text.count("mimecast_up{") == 3
    assert 'mimecast_up{account="initech"} 1\n' in text
    assert exporter.output.count("msg=refreshed") == 3
    assert "GET /metrics" not in exporter.output


def test_serve_is_the_default_command(config: Path) -> None:
    with running(f"--config.file={config}", LISTEN, "--log.format=json") as exporter:
        exporter.wait_for('"msg": "listening"')
        assert exporter.end() == 0
    assert all(json.loads(line)["ts"] for line in exporter.lines)


@pytest.mark.parametrize("name", ["acme", "initech"])
def test_the_environment_alone_configures_one_account(
    name: str, simulator: Simulator, api: str, tmp_path: Path
) -> None:
    account = next(account for account in simulator.accounts if account.name == name)
    environ = {"MIMECAST_BASE_URL": api}
    if account.version == "2.0":
        (tmp_path / "secret").write_text(account.key + "\n")
        environ |= {"MIMECAST_CLIENT_ID": account.application, "MIMECAST_CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    else:
        environ |= {
            "MIMECAST_APP_ID": account.application,
            "MIMECAST_APP_KEY": account.key,
            "MIMECAST_ACCESS_KEY": account.access_key,
            "MIMECAST_SECRET_KEY": account.secret_key,
        }
    with running(LISTEN, environ=environ) as exporter:
        text = httpx.get(exporter.base_url + "/metrics", trust_env=False).text
    assert 'mimecast_up{account="default"} 1\n' in text


def test_with_neither_file_nor_environment_both_ways_are_named() -> None:
    done = run(LISTEN)
    assert done.returncode == 1
    assert "MIMECAST_CLIENT_ID" in done.stderr
    assert "MIMECAST_APP_ID" in done.stderr


def test_a_bad_configuration_prints_every_error_with_file_line_and_key(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(
        "accounts:\n"
        "  - name: acme\n"
        "    regoin: eu\n"
        "    oauth2: {client_id: a, client_secret: planted, client_secret_file: /nowhere}\n"
        "cache: {ttl: 5}\n"
    )
    for command in ("serve", "check", "campaigns"):
        done = run(command, f"--config.file={file}")
        assert done.returncode == 1
        assert f"{file}:3" in done.stderr
        assert "regoin" in done.stderr
        assert f"{file}:4" in done.stderr
        assert f"{file}:5" in done.stderr
        assert "cache.ttl" in done.stderr
        assert "planted" not in done.stderr + done.stdout
        assert "Traceback" not in done.stderr


def test_check_says_that_a_configuration_is_valid(config: Path) -> None:
    done = run("check", f"--config.file={config}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "valid, 3 accounts" in done.stdout


def test_check_online_calls_each_account_once(config: Path, simulator: Simulator) -> None:
    done = run("check", f"--config.file={config}", "--online")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": ok, 16 campaigns") == 3
    assert [recorded.endpoint for recorded in simulator.requests].count("get-queue") == 3


def test_check_online_distinguishes_a_wrong_key_a_missing_permission_and_a_wrong_host(
    config: Path, simulator: Simulator, api: str
) -> None:
    changed(config, "client-secret-acme", "planted-wrong-secret")
    simulator.faults.add(Fault(account="globex", status=403, body=refusal("app_forbidden", "Forbidden")))
    changed(config, f"base_url: {api}\n  hmac", "base_url: https://api.mimecast.invalid\n  hmac")
    done = run("check", f"--config.file={config}", "--online")
    assert done.returncode == 1
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines()[1:])
    assert lines["acme"].startswith("campaigns: FAILED (auth)")
    assert lines["globex"].startswith("campaigns: FAILED (permission)")
    assert lines["initech"].startswith("campaigns: FAILED (connect)")
    assert "planted" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["check", "campaigns --all-accounts", "simulate --history=2h"])
def test_a_command_whose_output_cannot_be_written_says_so(config: Path, command: str) -> None:
    flags = [] if command.startswith("simulate") else [f"--config.file={config}"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *command.split(), *flags],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "mimecast-exporter: cannot write to standard output: No space left on device\n"


def test_campaigns_are_listed_with_both_ids(config: Path) -> None:
    table = run("campaigns", f"--config.file={config}", "--account=acme", "--secure-ids")
    assert table.returncode == 0
    assert len(table.stdout.splitlines()) == 17
    listed = json.loads(run("campaigns", f"--config.file={config}", "--account=acme", "--output=json").stdout)
    assert listed[0]["campaign_id"] in table.stdout
    assert listed[0]["secure_id"] in table.stdout
    metrics = run("campaigns", f"--config.file={config}", "--all-accounts", "--output=metrics").stdout
    assert metrics.count("mimecast_awareness_campaign_emails_sent{") == 48


def test_with_several_accounts_one_has_to_be_chosen(config: Path) -> None:
    done = run("campaigns", f"--config.file={config}")
    assert done.returncode == 1
    assert "acme, globex, initech" in done.stderr
    assert "no account is named" in run("campaigns", f"--config.file={config}", "--account=nobody").stderr


def test_simulate_prints_a_configuration_that_fits(tmp_path: Path) -> None:
    with running("simulate", "--listen=127.0.0.1:0", "--accounts=2", "--campaigns=3", "--page-size=2") as simulated:
        simulated.wait_for(r"client_secret: client-secret-globex")
        file = tmp_path / "config.yaml"
        file.write_text(simulated.output)
        done = run("check", f"--config.file={file}", "--online")
        assert simulated.end() == 0
    assert done.stdout.count(": ok, 3 campaigns") == 2


def test_a_port_in_use_is_one_clear_line(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(f"--config.file={config}", f"--web.listen-address={address}")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert address in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_answers_scrapes_that_wait_and_ends_with_status_0(
    config: Path, simulator: Simulator, number: signal.Signals
) -> None:
    simulator.faults.add(Fault(account="acme", delay=3600))
    with running(f"--config.file={config}", LISTEN) as exporter:
        host, port = exporter.base_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as waiting:
            waiting.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            exporter.wait_for("msg=refreshed account=globex")
            assert exporter.end(number) == 0
            answered = b"".join(iter(lambda: waiting.recv(65536), b""))
    assert answered.startswith(b"HTTP/1.1 200 ")
    assert b'mimecast_up{account="acme"} 0\n' in answered
    assert b'mimecast_up{account="globex"} 1\n' in answered


def test_no_secret_is_printed_whatever_happens(config: Path, simulator: Simulator, api: str) -> None:
    changed(config, "client-secret-acme", "planted-wrong-secret")
    changed(config, "access-key-initech", "planted-access-key")
    simulator.faults.add(Fault(account="globex", body="<html>planted-page</html>"))
    with running(f"--config.file={config}", LISTEN, "--log.level=debug") as exporter:
        pages = [
            httpx.get(exporter.base_url + path, trust_env=False).text
            for path in ("/metrics", "/", "/config", "/metrics")
        ]
        exporter.end()
    shown = exporter.output + "".join(pages)
    assert 'reason="auth"} 1' in pages[-1]
    assert "&lt;secret&gt;" in pages[2]
    for secret in ("planted", "client-secret-globex", "Bearer", "app-key-initech", simulator.accounts[2].secret_key):
        assert secret not in shown


def test_help_names_every_command_and_flag() -> None:
    text = run("--help").stdout
    for command in ("serve", "check", "campaigns", "simulate", "demo", "healthcheck"):
        assert command in text
    flags = run("serve", "--help").stdout
    for flag in (
        "--config.file",
        "--web.listen-address",
        "--web.external-url",
        "--web.telemetry-path",
        "--web.enable-lifecycle",
        "--web.max-requests",
        "--web.config.file",
        "--web.systemd-socket",
        "--timeout-offset",
        "--log.level",
        "--log.format",
        "--version",
    ):
        assert flag in flags


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chek"], "unknown command 'chek': did you mean check?"),
        (["status"], "unknown command 'status': the commands are serve, check, campaigns"),
        (["--config.fil=config.yaml"], "unknown argument '--config.fil': did you mean --config.file?"),
        (["campaigns", "--acount", "acme"], "unknown argument '--acount': did you mean --account?"),
        (["--log.level=debug", "check"], "give one command, before its flags: mimecast-exporter check [FLAGS]"),
        (["--online", "check"], "give one command, before its flags: mimecast-exporter check [FLAGS]"),
        (["check", "--xyz"], "unknown argument '--xyz': see mimecast-exporter check --help"),
    ],
)
def test_a_misused_command_line_says_what_is_meant(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]


def test_the_value_of_a_flag_may_be_the_name_of_a_command() -> None:
    done = run("--config.file", "check")
    assert done.returncode == 1
    assert "mimecast-exporter: check: cannot be read" in done.stderr


def test_help_texts_are_whole() -> None:
    assert "with --online, also call the API" in " ".join(run("check", "--help").stdout.split())
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = re.findall(r"^[a-z-]+:.*?## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [line.split(None, 2)[2] for line in listed.splitlines()] == texts


def test_check_validates_the_web_configuration_as_well(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("basic_auth_users: {prometheus: planted}\n")
    done = run("check", f"--config.file={config}", f"--web.config.file={file}")
    assert done.returncode == 1
    assert f"{file}:1" in done.stderr
    assert "planted" not in done.stderr + done.stdout
    file.write_text("rate_limit: {interval: 1s, burst: 5}\n")
    done = run("check", f"--config.file={config}", f"--web.config.file={file}")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{file}: valid" in done.stdout


def test_a_pipe_that_closes_early_is_no_error(config: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        command = [*COMMAND, "campaigns", f"--config.file={config}", "--all-accounts"]
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_healthcheck_asks_the_running_exporter(tmp_path: Path) -> None:
    path = tmp_path / "exporter.sock"
    with running("demo", LISTEN, f"--web.listen-address=unix:{path}") as demo:
        address = "--web.listen-address=" + demo.base_url.removeprefix("http://")
        for listening in (address, f"--web.listen-address=unix:{path}"):
            done = run("healthcheck", listening)
            assert done.returncode == 0
            assert done.stdout.startswith("healthy: ")
        demo.end()
    for listening in (address, f"--web.listen-address=unix:{path}"):
        done = run("healthcheck", listening)
        assert done.returncode == 1
        assert done.stderr.startswith("not healthy: ")


@pytest.fixture
def protected(tmp_path: Path) -> tuple[Path, Path]:
    """A web configuration with TLS and a user, and the authority that its certificate is of."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    hashed = bcrypt.hashpw(b"planted-password", bcrypt.gensalt(4)).decode()
    file = tmp_path / "web.yml"
    file.write_text(
        "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"
        f"basic_auth_users: {{prometheus: '{hashed}'}}\n"
        "http_server_config: {headers: {X-Frame-Options: deny}}\n"
    )
    return file, tmp_path / "ca.pem"


def test_the_web_configuration_protects_everything_but_health(protected: tuple[Path, Path]) -> None:
    file, ca_file = protected
    flag = f"--web.config.file={file}"
    with running("demo", LISTEN, flag) as demo:
        address = demo.base_url.removeprefix("http://")
        context = ssl.create_default_context(cafile=ca_file)
        with httpx.Client(base_url=f"https://{address}", verify=context, trust_env=False) as client:
            for path in ("/", "/metrics", "/probe?target=acme", "/sd", "/config"):
                refused = client.get(path)
                assert (refused.status_code, "basic" in refused.headers["www-authenticate"].lower()) == (401, True)
            for path in ("/-/healthy", "/-/ready"):
                assert client.get(path).status_code == 200
            user = ("prometheus", "planted-password")
            answered = client.get("/metrics", auth=user)
            assert 'mimecast_up{account="acme"} 1\n' in answered.text
            assert "\nmimecast_exporter_web_config_valid 1\n" in answered.text
            assert answered.headers["x-frame-options"] == "deny"
            assert client.get("/sd", auth=user).json()[0]["labels"]["__scheme__"] == "https"
            done = run("healthcheck", f"--web.listen-address={address}", flag)
            assert done.returncode == 0, done.stderr
            file.write_text(file.read_text() + "nonsense: 1\n")
            demo.wait_for("web configuration cannot be used")
            answered = client.get("/metrics?collect[]=exporter", auth=user)
            assert "\nmimecast_exporter_web_config_valid 0\n" in answered.text
        assert demo.end() == 0
    assert "planted" not in demo.output


def test_a_bad_web_configuration_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("basic_auth_users: {prometheus: planted}\nunknown: 1\n")
    done = run("demo", LISTEN, f"--web.config.file={file}")
    assert done.returncode == 1
    assert f"{file}:1" in done.stderr
    assert f"{file}:2" in done.stderr
    assert "planted" not in done.stderr
