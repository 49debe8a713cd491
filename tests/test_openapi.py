"""docs/openapi.yaml says what is answered, and the exporter answers so, whether what is asked is allowed or not."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import yaml

from exporter.collectors import COLLECTORS
from exporter.http.handlers.routes import routes
from exporter.http.handlers.scrape import EXPORTER
from tests.commands import running

_DESCRIPTION = Path(__file__).parent.parent / "docs/openapi.yaml"
_METHODS = {"get", "head", "post", "put", "delete", "patch", "options", "trace"}
_PASSWORD = "planted-password"
#: An Authorization header for this user and that password.
_CREDENTIALS = "prometheus:" + _PASSWORD


def test_the_description_has_every_route_and_no_other() -> None:
    described = {(path, method.upper()) for path, item in _paths().items() for method in item.keys() & _METHODS}
    # HEAD is answered wherever GET is, and needs no description.
    served = {(route.path, method) for route in routes("/metrics") for method in (route.methods or set()) - {"HEAD"}}
    assert described == served


def test_the_description_has_every_collector() -> None:
    parameter = yaml.safe_load(_DESCRIPTION.read_text())["components"]["parameters"]["Collect"]
    assert set(parameter["schema"]["items"]["enum"]) == {*COLLECTORS, EXPORTER}


def test_an_open_exporter_answers_as_described(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    with running("demo", "--web.listen-address=127.0.0.1:0", "--web.enable-lifecycle") as demo:
        requests = _hold(demo.base_url, tmp_path)
        record_property("requests made up from the OpenAPI description, all answered as it says", requests)
        assert demo.end() == 0
    assert "Traceback" not in demo.output
    assert "level=error" not in demo.output


def test_a_protected_exporter_answers_as_described_and_refuses_access(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    file = tmp_path / "web.yml"
    file.write_text(
        f"basic_auth_users: {{prometheus: {bcrypt.hashpw(_PASSWORD.encode(), bcrypt.gensalt(4)).decode()}}}\n"
    )
    with running("demo", "--web.listen-address=127.0.0.1:0", f"--web.config.file={file}") as demo:
        requests = _hold(demo.base_url, tmp_path, f"--auth={_CREDENTIALS}", "--exclude-path-regex=reload")
        record_property("requests with and without credentials, all answered as described", requests)
        with httpx.Client(base_url=demo.base_url, trust_env=False) as client:
            answers = {path: client.get(path).status_code for path in _paths()}
        assert demo.end() == 0
    assert "Traceback" not in demo.output
    assert "planted" not in demo.output
    assert {path for path, status in answers.items() if status != 401} == {"/-/healthy", "/-/ready"}


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = yaml.safe_load(_DESCRIPTION.read_text())["paths"]
    return paths


def _hold(url: str, folder: Path, *flags: str) -> int:
    """Make up requests out of the description, the same ones each time; gives how many."""
    bounds = ["--seed=1", "--generation-deterministic", "--max-examples=25"]
    fixed = [*bounds, "--phases=examples,coverage,fuzzing", "--no-color", "--continue-on-failure", "--warnings=off"]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", str(_DESCRIPTION), f"--url={url}", *fixed, *flags],
        capture_output=True, text=True, check=False, cwd=folder, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated, done.stdout
    return int(generated[1])
