"""What a running exporter has not loaded: start-up and memory are mostly those of the modules that are."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from exporter.collectors import COLLECTORS
from exporter.simulator import Simulator, configuration, fleet
from exporter.simulator import running as simulating
from tests.commands import Running, running

#: What other commands, pages, users and error messages need.
UNNEEDED = {
    *(f"exporter.cli.{name}" for name in ("campaigns", "check", "demo", "fetching", "healthcheck", "simulate")),
    *("exporter.simulator", "jinja2", "markupsafe", "bcrypt", "difflib"),
}


def loaded(exporter: Running) -> set[str]:
    """The modules that the process has imported, as Python itself logs them."""
    return set(re.findall(r"^import '([\w.]+)' #", exporter.output, re.MULTILINE))


def test_serving_and_scraping_load_nothing_that_they_do_not_need(tmp_path: Path) -> None:
    simulator, file = Simulator(fleet(3)), tmp_path / "config.yaml"
    flags = (f"--config.file={file}", "--web.listen-address=127.0.0.1:0")
    with simulating(simulator) as base_url:
        file.write_text(configuration(simulator.accounts, base_url, tuple(COLLECTORS)))
        with running("serve", *flags, environ={"PYTHONVERBOSE": "1"}) as exporter:
            address = exporter.base_url
            before = loaded(exporter)
            text = httpx.get(f"{address}/metrics", trust_env=False).text
            after = loaded(exporter)
            assert httpx.get(address, trust_env=False).status_code == 200
            assert exporter.wait_for("import 'jinja2' #"), "this is how a module that is loaded shows"
            assert exporter.end() == 0
    assert len(re.findall(r"^mimecast_up{.*} 1$", text, re.MULTILINE)) == 3
    assert {"exporter.cli.serve", "uvloop", "httpx"} <= before <= after
    assert after & UNNEEDED == set()
