"""The running exporter, whatever it is asked and however it fails, at every log level: no secret is told."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.commands import running
from tests.secrets.conftest import Setting

PATHS = (
    "/metrics", "/", "/metrics?collect[]=exporter", "/config", "/sd", "/-/healthy", "/-/ready", "/nothing", "/probe",
    "/probe?target=nobody", "/probe?target=fail, API 1.0", "/probe?target=token refused, API 2.0",
    "/metrics?collect[]=x",
)  # fmt: skip


@pytest.mark.parametrize("form", ["logfmt", "json"])
@pytest.mark.parametrize("level", ["debug", "info", "warn", "error"])
def test_no_answer_and_no_log_line_holds_a_secret(
    setting: Setting, level: str, form: str, record_property: Callable[[str, object], None]
) -> None:
    planted = setting.planted
    flags = (f"--config.file={setting.config}", f"--web.config.file={setting.web_config}", "--web.enable-lifecycle")
    listen = ("--web.listen-address=127.0.0.1:0", f"--log.level={level}", f"--log.format={form}")
    with running("serve", *flags, *listen, environ=setting.environ) as exporter:
        base_url = _address(exporter.process.pid)
        context = ssl.create_default_context(cafile=str(setting.ca_file))
        with httpx.Client(base_url=base_url, verify=context, trust_env=False, timeout=30) as client:
            wrong = ("prometheus", planted.plant("wrong password", shape="Pl4nt-wr0ng-{}-{}"))
            for path in PATHS:
                refused = client.get(path, auth=wrong)
                answers = [client.get(path, auth=("prometheus", setting.password)) for _ in range(2)]
                if path.startswith("/metrics?collect[]=exporter"):
                    answers.append(client.get(path, headers={"accept": "application/openmetrics-text"}))
                for answer in (refused, *answers):
                    planted.assert_nowhere_in(path, answer.text, str(answer.headers))
            metrics = client.get("/metrics", auth=("prometheus", setting.password)).text
            assert metrics.count("} 1\n") > 20
            assert metrics.count("mimecast_up{") == setting.accounts
            shown = client.get("/config", auth=("prometheus", setting.password)).text
            assert shown.count("&lt;secret&gt;") >= setting.accounts
            setting.config.write_text(setting.config.read_text() + ",")
            reload = client.post("/-/reload", auth=("prometheus", setting.password))
            assert reload.status_code == 500
            planted.assert_nowhere_in("a refused reload", reload.text)
        planted.assert_nowhere_in("the command line", Path(f"/proc/{exporter.process.pid}/cmdline").read_text())
        assert exporter.end() == 0
    planted.assert_nowhere_in("the log", exporter.output)
    assert "Traceback" not in exporter.output
    record_property("secrets planted at once", f"{len(planted.secrets)} of them")
    record_property("texts looked through", planted.looked_at)


def _address(pid: int) -> str:
    """Where the process listens, from what the kernel knows: a quiet log does not say."""
    for _ in range(400):
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and _owns(pid, fields[9]):
                return f"https://localhost:{int(fields[1].split(':')[1], 16)}"
        time.sleep(0.05)
    pytest.fail("it does not listen")


def _owns(pid: int, inode: str) -> bool:
    return any(_link(entry) == f"socket:[{inode}]" for entry in Path(f"/proc/{pid}/fd").iterdir())


def _link(entry: Path) -> str | None:
    """What a descriptor is of; None where it was closed since it was listed."""
    with contextlib.suppress(FileNotFoundError):
        return str(entry.readlink())
    return None
