"""Scrapes of real processes: the exporter beside nginx with the same bytes and pushgateway with the same series."""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from socket import create_server

from benchmarks.measuring import cpu_seconds, memory
from tests.commands import ALLOCATOR
from tests.servers import find

ROOT = Path(__file__).parent.parent
#: What Prometheus sends.
PROMETHEUS = {
    "Accept": "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Accept-Encoding": "gzip",
    "X-Prometheus-Scrape-Timeout-Seconds": "60",
}
PLAIN = PROMETHEUS | {"Accept-Encoding": "identity"}


#: The Python that runs the exporter.
python_of_users = sys.executable
#: Why a peer is left out.
UNAVAILABLE = "it is not on PATH, and Debian's package cannot be fetched here"


def find_peer(name: str) -> Path | None:
    """Return a peer's program, None if it is not available."""
    return find(name)


def free_port() -> int:
    """Return a port nobody listens on now."""
    with create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024
    answers: bytes | Mapping[str, bytes] = b""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answers = self.server.answers
        body = answers if isinstance(answers, bytes) else answers[self.path.rpartition("/")[2]]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _answer(answers: bytes | Mapping[str, bytes], told: Connection) -> None:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.answers = answers
    told.send(server.server_port)
    server.serve_forever()


@contextlib.contextmanager
def answering(answers: bytes | Mapping[str, bytes]) -> Iterator[str]:
    """Run an API in a process of its own that gives these bytes to every call, or those of its endpoint, at once."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_answer, args=(answers, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


@dataclass
class Target:
    """A server that is scraped."""

    pid: int
    port: int
    path: str = "/metrics"

    def scrape(self, headers: dict[str, str]) -> int:
        """One scrape on a connection of its own; gives the bytes of its body."""
        with contextlib.closing(self._connection()) as connection:
            return self._scrape(connection, headers)

    def body(self, headers: dict[str, str]) -> bytes:
        """Return the body of one answer, as it is sent."""
        with contextlib.closing(self._connection()) as connection:
            connection.request("GET", self.path, headers=headers)
            return connection.getresponse().read()

    def measure(self, headers: dict[str, str], scrapes: int) -> tuple[float, list[float]]:
        """CPU seconds a scrape, and how long each took, on one connection that is kept as Prometheus keeps it."""
        with contextlib.closing(self._connection()) as connection:
            self._scrape(connection, headers)
            began, times = cpu_seconds(self.pid), []
            for _ in range(scrapes):
                start = time.perf_counter()
                self._scrape(connection, headers)
                times.append(time.perf_counter() - start)
            return (cpu_seconds(self.pid) - began) / scrapes, times

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def _scrape(self, connection: http.client.HTTPConnection, headers: dict[str, str]) -> int:
        connection.request("GET", self.path, headers=headers)
        response = connection.getresponse()
        size = len(response.read())
        assert response.status == 200, response.status
        return size


@contextlib.contextmanager
def process(
    command: list[str], port: int, path: str, folder: Path, environ: dict[str, str] | None = None
) -> Iterator[Target]:
    """Run a server process that answers at that path."""
    with (folder / f"{Path(command[0]).name}.log").open("w") as log:
        started = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=os.environ | (environ or {}))
    target = Target(started.pid, port, path)
    try:
        for _ in range(3000):
            with contextlib.suppress(OSError):
                create = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                create.connect()
                create.close()
                break
            time.sleep(0.01)
        yield target
    finally:
        started.terminate()
        started.wait(20)


def configuration(base_url: str, accounts: int = 1, ttl: str = "1h", collectors: Sequence[str] = ("campaigns",)) -> str:
    """Return an exporter configuration for `answering`, with limits that a large answer needs."""
    hmac = {"app_id": "a", "app_key": "b", "access_key": "c", "secret_key": "YQ=="}
    listed = [
        {"name": f"customer-{n:04d}", "base_url": base_url, "hmac": hmac, "collectors": list(collectors)}
        for n in range(accounts)
    ]
    # JSON is YAML.
    return json.dumps(
        {"accounts": listed, "cache": {"ttl": ttl}, "api": {"max_response_size": "1GiB", "timeout": "2m"}}
    )


@contextlib.contextmanager
def exporter(folder: Path, text: str, *more_flags: str, environ: dict[str, str] | None = None) -> Iterator[Target]:
    """Run the exporter under this configuration; what it logs is in a file of the folder."""
    folder.mkdir(exist_ok=True)
    file, port = folder / "config.yaml", free_port()
    file.write_text(text)
    flags = [*more_flags, f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    command = [python_of_users, "-P", "-m", "exporter", "serve", *flags]
    with process(command, port, "/metrics", folder, ALLOCATOR | (environ or {})) as target:
        yield target


@contextlib.contextmanager
def nginx(program: Path, folder: Path, body: bytes) -> Iterator[Target]:
    """Nginx with one worker and one file."""
    port = free_port()
    (folder / "metrics").write_bytes(body)
    (folder / "nginx.conf").write_text(
        f"{'user root; ' if os.geteuid() == 0 else ''}daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        "events {}\n"
        f"http {{ access_log off; sendfile on; client_body_temp_path {folder}/t; proxy_temp_path {folder}/t;\n"
        f"fastcgi_temp_path {folder}/t; uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;\n"
        f"server {{ listen 127.0.0.1:{port}; root {folder}; }} }}\n"
    )
    with process([str(program), "-c", f"{folder}/nginx.conf", "-p", str(folder)], port, "/metrics", folder) as target:
        yield target


@contextlib.contextmanager
def pushgateway(program: Path, folder: Path, text: bytes) -> Iterator[Target]:
    """Pushgateway holding these series."""
    port = free_port()
    with process([str(program), f"--web.listen-address=127.0.0.1:{port}"], port, "/metrics", folder) as target:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        connection.request("PUT", "/metrics/job/mimecast", body=text)
        assert connection.getresponse().status in (200, 202)
        connection.close()
        yield target


@contextlib.contextmanager
def library(folder: Path, answer: bytes) -> Iterator[Target]:
    """prometheus_client's own server of the campaigns of this answer."""
    port, file = free_port(), folder / "answer.json"
    file.write_bytes(answer)
    command = [sys.executable, "-m", "benchmarks.library", str(port), str(file)]
    with process(command, port, "/metrics", folder, environ={"PYTHONPATH": str(ROOT)}) as target:
        yield target


def startup(folder: Path, text: str, rounds: int) -> float:
    """Seconds from the start of the process to its first answered scrape: the median of the rounds."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        with exporter(folder, text) as target:
            target.scrape(PROMETHEUS)
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def modules(folder: Path, text: str) -> tuple[int, int]:
    """Return how many modules the exporter has imported before its first scrape, and after it."""
    with exporter(folder, text, environ={"PYTHONVERBOSE": "1"}) as target:
        log = folder / f"{Path(python_of_users).name}.log"
        before = log.read_text().count("\nimport '")
        target.scrape(PROMETHEUS)
        return before, log.read_text().count("\nimport '")


def soak(target: Target, seconds: float) -> tuple[int, float]:
    """Scrape for that long; gives the scrapes, and how much memory grew after the first quarter, as a share."""
    ends, scrapes, warm = time.monotonic() + seconds, 0, 0.0
    while time.monotonic() < ends:
        target.scrape(PROMETHEUS)
        scrapes += 1
        if not warm and time.monotonic() > ends - 0.75 * seconds:
            warm = memory(target.pid)[0]
    return scrapes, memory(target.pid)[0] / warm - 1
