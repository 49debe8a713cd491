"""Reloads without end, of files that are being written: scrapes go on, and the last whole configuration wins."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.commands import Running, running

LISTEN = ("--web.listen-address=127.0.0.1:0", "--web.enable-lifecycle")


class Scraper:
    """Scrapes without a pause in a thread of its own; `answered` counts, `failed` says what went wrong."""

    def __init__(self, exporter: Running) -> None:
        self.answered = 0
        self.failed: list[str] = []
        self._url = exporter.base_url + "/metrics"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with httpx.Client(trust_env=False, timeout=20) as client:
            while not self._stop.is_set():
                try:
                    response = client.get(self._url)
                except httpx.HTTPError as error:
                    self.failed.append(repr(error))
                    continue
                self.answered += 1
                if response.status_code != 200 or "mimecast_up{" not in response.text:
                    self.failed.append(response.text[:200])

    @contextmanager
    def going_on(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join(30)


def replaced(file: Path, text: str) -> None:
    """The file is another from one moment to the next, as a careful writer does it."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def metric(exporter: Running, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", httpx.get(exporter.base_url + "/metrics", trust_env=False).text, re.M)
    assert found
    return float(found[1])


def memory(exporter: Running) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{exporter.process.pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def open_files(exporter: Running) -> int:
    return len(list(Path(f"/proc/{exporter.process.pid}/fd").iterdir()))


def test_a_hundred_reloads_a_second_fail_no_scrape_and_leak_nothing(
    config: Path, record_property: Callable[[str, object], None]
) -> None:
    one, two = config.read_text(), config.read_text() + "cache: {ttl: 7m}\n"
    with running("serve", f"--config.file={config}", *LISTEN) as exporter:
        url, scraper = exporter.base_url, Scraper(exporter)
        with scraper.going_on():
            before = None
            for number in range(400):
                replaced(config, two if number % 2 else one)
                exporter.process.send_signal(signal.SIGHUP)
                time.sleep(0.01)
                if number == 100:
                    before = open_files(exporter), memory(exporter)
            wait_until(lambda: "ttl: 7m" in httpx.get(url + "/config", trust_env=False).text)
        assert scraper.failed == []
        assert scraper.answered > 50
        assert before is not None
        files, megabytes = before
        wait_until(lambda: open_files(exporter) <= files + 5)  # connections to the API are kept for a while
        assert memory(exporter) < megabytes + 8
        assert metric(exporter, "mimecast_exporter_config_last_reload_successful") == 1
        assert exporter.end() == 0
    record_property("SIGHUPs, a hundred a second; scrapes answered meanwhile, none failed", f"400; {scraper.answered}")


def wait_until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.mark.parametrize("part", ["config.yaml", "accounts.d/globex.yaml", "secret"])
def test_a_file_reloaded_halfway_through_its_writing_costs_nothing_known(
    config: Path, tmp_path: Path, part: str, record_property: Callable[[str, object], None]
) -> None:
    written = split_up(config, tmp_path)[part]
    whole = written.read_text()
    cuts = [*range(0, len(whole), max(1, len(whole) // 40))]
    with running("serve", f"--config.file={config}", *LISTEN) as exporter:
        with httpx.Client(base_url=exporter.base_url, trust_env=False) as client:
            good = client.get("/metrics").text.count("\nmimecast_awareness_campaign_info{")
            assert good > 2
            refused = 0
            for cut in cuts:
                written.write_text(whole[:cut])
                answer = client.post("/-/reload")
                refused += answer.status_code == 500
                assert answer.status_code in (200, 500)
                text = client.get("/metrics").text
                assert 'mimecast_up{account="acme"} 1\n' in text
                assert f"mimecast_exporter_config_last_reload_successful {int(answer.status_code == 200)}\n" in text
            written.write_text(whole)
            assert client.post("/-/reload").status_code == 200
            assert client.get("/metrics").text.count("\nmimecast_awareness_campaign_info{") == good
        output = exporter.output
    assert "Traceback" not in output
    record_property(f"reloads of {part} cut short; refused", f"{len(cuts)}; {refused}")


def split_up(config: Path, folder: Path) -> dict[str, Path]:
    """The same configuration in three files: the first account and settings, the second account, the first's secret."""
    first, second = re.split(r"(?m)(?=^ *- name: globex)", config.read_text())
    secret, account_file = folder / "secret", folder / "accounts.d" / "globex.yaml"
    account_file.parent.mkdir()
    found = re.search(r"client_secret: ([\w-]+)", first)
    assert found
    secret.write_text(found[1])
    account_file.write_text("accounts:\n" + second)
    rest = "account_files: [accounts.d/*.yaml]\ncache: {ttl: 7m, max_stale: 2h}\ncampaigns: {exclude: ['No such.*']}\n"
    config.write_text(first.replace(found[0], f"client_secret_file: {secret}") + rest)
    return {"config.yaml": config, "accounts.d/globex.yaml": account_file, "secret": secret}
