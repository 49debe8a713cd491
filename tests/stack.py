"""Prometheus and Alertmanager as processes on loopback, and a receiver of notifications."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server
from typing import Any, TypeVar

import httpx
import yaml

from tests.servers import ALERTMANAGER_TEMPLATES

_PATIENCE = 60.0
Found = TypeVar("Found")


def free_port() -> int:
    """A port nobody listens on now."""
    with create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_until(look: Callable[[], Found], patience: float = _PATIENCE) -> Found:
    """What `look` gives once that is true; fails with the last it gave."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {patience} s in vain; last seen: {found!r}"
        time.sleep(0.2)
    return found


@dataclass
class Prometheus:
    """A running Prometheus."""

    base_url: str

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The samples of an instant query."""
        response = httpx.post(f"{self.base_url}/api/v1/query", data={"query": expr}, timeout=30, trust_env=False)
        answer = response.json()
        assert answer["status"] == "success", (expr, answer)
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def value(self, expr: str) -> float | None:
        """The value of a query with one sample, None where it has none."""
        result = self.query(expr)
        assert len(result) < 2, result
        return float(result[0]["value"][1]) if result else None

    def targets(self) -> list[dict[str, Any]]:
        """The targets that are scraped."""
        found: list[dict[str, Any]] = httpx.get(f"{self.base_url}/api/v1/targets", trust_env=False).json()["data"][
            "activeTargets"
        ]
        return found


@contextmanager
def _process(command: list[str | Path], ready: str, folder: Path) -> Iterator[None]:
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output, cwd=folder) as process:
        try:
            wait_until(lambda: process.poll() is not None or _answers(ready))
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@contextmanager
def prometheus_running(
    program: Path, folder: Path, configuration: dict[str, Any], *more_flags: str
) -> Iterator[Prometheus]:
    """Prometheus under this configuration; its data is kept in the folder."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    flags = [f"--web.listen-address=127.0.0.1:{port}", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    with _process([program, *flags, *more_flags], f"{base_url}/-/ready", folder):
        yield Prometheus(base_url)


@contextmanager
def alertmanager_running(
    program: Path, folder: Path, webhook: str, configuration: dict[str, Any] | None = None
) -> Iterator[str]:
    """Run Alertmanager under a configuration, or one that tells a webhook everything at once; gives its address."""
    folder.mkdir(exist_ok=True)
    for template in (program.parents[2] / ALERTMANAGER_TEMPLATES.lstrip("/")).glob("*.tmpl"):
        shutil.copy(template, folder)
    port = free_port()
    route = {
        "receiver": "test",
        "group_by": ["..."],
        "group_wait": "0s",
        "group_interval": "1s",
        "repeat_interval": "1h",
    }
    receiver = {"name": "test", "webhook_configs": [{"url": webhook, "send_resolved": True}]}
    told = configuration or {"route": route, "receivers": [receiver]}
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(told))
    flags = [
        f"--web.listen-address=127.0.0.1:{port}",
        "--config.file=alertmanager.yml",
        "--storage.path=data",
        "--cluster.listen-address=",
    ]
    with _process([program, *flags], f"http://127.0.0.1:{port}/-/ready", folder):
        yield f"127.0.0.1:{port}"


@dataclass
class Receiver:
    """Notifications that came in."""

    url: str
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def seen(self, name: str, status: str, **labels: str) -> bool:
        """Whether an alert of that name, status and labels was told of."""
        return any(
            alert["status"] == status and {"alertname": name, **labels}.items() <= alert["labels"].items()
            for alert in self.alerts
        )


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A webhook receiver on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.alerts += json.loads(body)["alerts"]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
