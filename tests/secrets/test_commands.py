"""Every command, and every way to get a configuration wrong: no secret is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.commands import run, running
from tests.secrets.conftest import Setting
from tests.secrets.planted import Planted

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("check",),
    ("check", "--online"),
    ("check", "--online", "--log.level=debug"),
    ("campaigns", "--all-accounts"),
    ("campaigns", "--all-accounts", "--output=json"),
    ("campaigns", "--all-accounts", "--output=metrics", "--log.level=debug", "--log.format=json"),
    ("campaigns", "--account=good, API 2.0"),
    ("campaigns", "--account=nobody"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_tells_a_secret(
    setting: Setting, command: tuple[str, ...], record_property: Callable[[str, object], None]
) -> None:
    done = run(*command, f"--config.file={setting.config}", environ=setting.environ)
    assert done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    setting.planted.assert_nowhere_in(" ".join(command), done.stdout, done.stderr)
    record_property("commands looked through", 1)


@pytest.mark.parametrize("command", ["serve", "check", "campaigns", "demo", "simulate", "healthcheck"])
def test_help_tells_nothing_of_the_environment(command: str) -> None:
    planted = Planted()
    environ = {f"MIMECAST_{name}": planted.plant(name) for name in ("CLIENT_SECRET", "APP_KEY", "SECRET_KEY")}
    done = run(command, "--help", environ=environ)
    assert done.returncode == 0
    planted.assert_nowhere_in("--help", done.stdout, done.stderr)


def test_secrets_of_the_environment_are_used_and_not_shown() -> None:
    planted = Planted()
    environ = {
        "MIMECAST_BASE_URL": "http://127.0.0.1:1",
        "MIMECAST_CLIENT_ID": "id",
        "MIMECAST_CLIENT_SECRET": planted.plant("client secret of the environment"),
    }
    for command in (("check", "--online"), ("campaigns", "--log.level=debug")):
        done = run(*command, environ=environ)
        assert done.returncode == 1
        planted.assert_nowhere_in(" ".join(command), done.stdout, done.stderr)


def test_a_proxy_password_is_used_and_not_shown(tmp_path: Path) -> None:
    planted = Planted()
    password = planted.plant("proxy password", shape="Pl4nt-pr0xy-{}-{}")
    account = {"name": "acme", "base_url": "http://127.0.0.1:1", "oauth2": {"client_id": "id", "client_secret": "s"}}
    config = {"accounts": [account], "api": {"proxy_url": f"http://user:{password}@127.0.0.1:9"}}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    done = run("check", "--online", f"--config.file={tmp_path}/config.yaml", "--log.level=debug")
    planted.assert_nowhere_in("check --online", done.stdout, done.stderr)
    with running("serve", f"--config.file={tmp_path}/config.yaml", "--web.listen-address=127.0.0.1:0") as exporter:
        pages = [httpx.get(exporter.base_url + path, trust_env=False).text for path in ("/metrics", "/", "/config")]
        exporter.end()
    assert "proxy_url: &#39;&lt;secret&gt;&#39;" in pages[2] or "proxy_url: &lt;secret&gt;" in pages[2]
    planted.assert_nowhere_in("a page or the log", *pages, exporter.output)


ONE = "accounts:\n  - name: acme\n    region: us\n    oauth2: {{client_id: i, {0}}}\n"
GOOD = ONE.replace("{0}", "client_secret: s")
WRONG = {
    "an unknown key": GOOD + "    password: {secret}\n",
    "a key with a typing error": ONE.replace("{0}", "client_secrets: {secret}"),
    "the wrong type": "accounts:\n  - name: acme\n    region: eu\n    oauth2: {secret}\n",
    "a list for a text": ONE.replace("{0}", "client_secret: [{secret}]"),
    "the same key twice": ONE.replace("{0}", "client_secret: {secret}, client_secret: {secret}"),
    "a quote that does not end": "accounts:\n  - name: acme\n    oauth2:\n      client_secret: '{secret}\n",
    "an indentation": "accounts:\n  - name: acme\n     oauth2: {{client_secret: {secret}}}\n",
    "a colon in the middle": "accounts:\n  - name: acme\n    oauth2: client_secret: {secret}\n",
    "a password in the address": GOOD.replace("region: us", "base_url: https://user:{secret}@api.example.test"),
    "a secret for a time": GOOD + "cache: {{ttl: {secret}}}\n",
    "a secret for a region": GOOD.replace("region: us", "region: {secret}"),
    "a variable that does not end": ONE.replace("{0}", "client_secret: '${{{secret}'"),
    "a secret key that is not base64": "accounts:\n  - name: acme\n    region: eu\n    hmac:\n      app_id: a\n"
    "      app_key: b\n      access_key: c\n      secret_key: {secret}\n",
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_in_the_configuration_is_named_without_the_secret(tmp_path: Path, mistake: str) -> None:
    planted = Planted()
    secret = planted.plant("secret", shape="Pl4nt{}-{}")
    file = tmp_path / "config.yaml"
    file.write_text(WRONG[mistake].format(secret=secret))
    for command in ("check", "serve"):
        done = run(command, f"--config.file={file}")
        assert done.returncode == 1
        assert f"{file}:" in done.stderr
        planted.assert_nowhere_in(f"{command} on {mistake}", done.stdout, done.stderr)


@pytest.mark.parametrize(
    "text",
    [
        "basic_auth_users: {{prometheus: {secret}}}\n",
        "basic_auth_users: {secret}\n",
        "basic_auth_user: {{prometheus: {secret}}}\n",
        "tls_server_config: {{cert_file: web.yml, key_file: web.yml, key: {secret}}}\n",
        "http_server_config: {{headers: {{X-Frame-Options: {secret}}}}}\n",
    ],
)
def test_a_mistake_in_the_web_configuration_is_named_without_the_secret(
    setting: Setting, tmp_path: Path, text: str
) -> None:
    secret = setting.planted.plant("secret of the web", shape="Pl4nt-w3b-{}-{}")
    (tmp_path / "web.yml").write_text(text.format(secret=secret))
    flags = (f"--config.file={setting.config}", f"--web.config.file={tmp_path}/web.yml")
    done = run("serve", *flags, environ=setting.environ)
    assert done.returncode == 1
    setting.planted.assert_nowhere_in("an error of the web configuration", done.stdout, done.stderr)
