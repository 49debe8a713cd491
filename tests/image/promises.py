"""Tests of the image, in containers that have no privilege they do not need."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.image.engine import Engine

IMAGE = "mimecast-exporter:tested"
#: The port that the image's own health check asks.
PORT = 10587
#: Nothing can be written, nothing may be done that root may, and nothing may be gained.
RESTRICTED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "64")
_PATIENCE = 60.0


@contextmanager
def container(engine: Engine, *arguments: str) -> Iterator[tuple[str, str]]:
    """A container of the image under all restrictions: its id, and the exporter's address."""
    published = engine.network or ("-p", f"127.0.0.1:{PORT}:{PORT}")
    # Where the engine has no network of its own, the container's is this machine's, and loopback is enough.
    listen = (f"--web.listen-address=127.0.0.1:{PORT}",) if engine.network else ()
    health = ("--health-interval", "1s", "--health-start-period", "0s")
    name = engine.run("run", "--detach", *RESTRICTED, *published, *health, IMAGE, *arguments, *listen)
    try:
        yield name, f"http://127.0.0.1:{PORT}"
    finally:
        engine.run("rm", "--force", name)


def built(engine: Engine, labels: dict[str, str]) -> dict[str, str | float]:
    """What the image itself says: its user, labels, health check; and that nothing in it belongs to its user."""
    (told,) = json.loads(engine.run("image", "inspect", IMAGE))
    config = told["Config"]
    assert config["User"] == "65532:65532", config["User"]
    assert config["Entrypoint"] == ["mimecast-exporter"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "mimecast-exporter", "healthcheck"]
    prefix = "org.opencontainers.image."
    assert {f"{prefix}title", f"{prefix}description", f"{prefix}licenses"} <= set(config["Labels"])
    assert {name: config["Labels"][prefix + name.lower()] for name in labels} == labels
    version = engine.run("run", "--rm", *RESTRICTED, *engine.network, IMAGE, "--version")
    assert version.startswith(f"mimecast-exporter {labels['VERSION']}"), version
    assert labels["REVISION"] in version
    program = (
        "import importlib.util,os;"
        "w=[d for d,_,_ in os.walk('/') if not d.startswith(('/proc','/sys','/dev')) and os.access(d,os.W_OK)];"
        "print(os.getuid(), [n for n in ('pip','setuptools','wheel') if importlib.util.find_spec(n)], w)"
    )
    python = ("--entrypoint", "/opt/exporter/bin/python")
    said = engine.run("run", "--rm", *RESTRICTED, *engine.network, *python, IMAGE, "-I", "-c", program)
    uid, rest = said.split(" ", 1)
    assert uid == "65532", said
    assert rest == "[] []", f"left over, or writable: {said}"
    program = "tar --create --gzip --directory /opt exporter | wc --bytes"
    compressed = engine.run("run", "--rm", *RESTRICTED, *engine.network, "--entrypoint", "sh", IMAGE, "-c", program)
    return {
        "image: user id": uid,
        "image: size in MB": round(told["Size"] / 1e6),
        "image: MB beyond its base, compressed": round(int(compressed) / 1e6, 1),
    }


def needs_no_shell(engine: Engine, folder: Path) -> None:
    """It starts where there is no shell and none of the usual tools, but Python, its libraries and itself."""
    emptied = "\n".join(
        [
            f"FROM {IMAGE}",
            "USER 0",
            "RUN rm -rf /bin/*sh /usr/bin/*sh /usr/bin/env /usr/bin/cat /usr/bin/ls /usr/bin/perl* /usr/sbin/*",
            "USER 65532:65532",
        ]
    )
    (folder / "Dockerfile").write_text(emptied + "\n")
    engine.run("build", *engine.network, "--tag", f"{IMAGE}-without-shell", str(folder))
    said = engine.run("run", "--rm", *RESTRICTED, *engine.network, f"{IMAGE}-without-shell", "--version")
    assert said.startswith("mimecast-exporter "), said


def demo(engine: Engine) -> dict[str, str | float]:
    """It serves under every restriction, turns healthy, and ends with status 0 in less than a second."""
    with container(engine, "demo") as (name, url):
        began = time.monotonic()
        while engine.run("inspect", "--format", "{{.State.Health.Status}}", name) != "healthy":
            assert time.monotonic() - began < _PATIENCE, engine.run("logs", name)
            time.sleep(0.1)
        healthy = time.monotonic() - began
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        assert text.count('\nmimecast_up{account="') == 3, text[:2000]
        began = time.monotonic()
        engine.run("stop", "--time", "10", name)
        stopped = time.monotonic() - began
        assert engine.run("inspect", "--format", "{{.State.ExitCode}}", name) == "0"
        logs = engine.run("logs", name)
    assert "msg=stopped" in logs, logs
    assert "Traceback" not in logs
    assert stopped < 1.0, f"it took {stopped:.2f} s to stop"
    return {"image: seconds to healthy": round(healthy, 1), "image: seconds from SIGTERM to the end": round(stopped, 2)}


def unhealthy(engine: Engine) -> None:
    """A container whose exporter cannot be asked is told unhealthy, and a wrong configuration ends it with status 1."""
    said = engine.run("run", "--rm", *RESTRICTED, *engine.network, IMAGE, "healthcheck", check=False)
    assert "not healthy" in said, said
    said = engine.run("run", "--rm", *RESTRICTED, *engine.network, IMAGE, check=False)
    assert "MIMECAST_CLIENT_ID" in said, said
