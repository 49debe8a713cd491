"""The pages in a real browser: light and dark, narrow and wide, without JavaScript."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from exporter.simulator import Fault, Simulator, configuration, fleet
from exporter.simulator import running as simulating
from tests.commands import running

pytestmark = pytest.mark.xdist_group("browser")

LISTEN = "--web.listen-address=127.0.0.1:0"
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--virtual-time-budget=2000",
)  # fmt: skip


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An exporter with one account that fails, one never asked, and a name that is an attack."""
    simulator = Simulator(fleet(3))
    simulator.faults.add(Fault(account="globex", status=403))
    file = tmp_path_factory.mktemp("pages") / "config.yaml"
    with simulating(simulator) as api:
        text = configuration(simulator.accounts, api)
        file.write_text(text.replace("name: initech", "name: '<img src=x onerror=alert(1)>'"))
        with running("serve", f"--config.file={file}", LISTEN) as exporter:
            for name in ("acme", "globex"):
                httpx.get(f"{exporter.base_url}/probe?target={name}", trust_env=False)
            yield exporter.base_url


def browse(chromium: Path, url: str, profile: Path, *flags: str) -> str:
    """The page's elements after Chromium has laid it out."""
    done = subprocess.run(
        [chromium, *_QUIET, f"--user-data-dir={profile}", *flags, "--dump-dom", url],
        capture_output=True, text=True, timeout=100, check=True, env={**os.environ, "HOME": str(profile)},
    )  # fmt: skip
    return done.stdout


def painted(chromium: Path, url: str, profile: Path, size: tuple[int, int], flags: Sequence[str] = ()) -> bytes:
    """A screenshot as PNG."""
    picture = profile / "page.png"
    subprocess.run(
        [
            *(chromium, *_QUIET, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"),
            *(*flags, f"--screenshot={picture}", url),
        ],
        capture_output=True, timeout=100, check=True, env={**os.environ, "HOME": str(profile)},
    )  # fmt: skip
    return picture.read_bytes()


def test_the_landing_page_shows_each_account_with_its_state(exporter: str, chromium: Path, tmp_path: Path) -> None:
    page = browse(chromium, exporter + "/", tmp_path)
    rows = re.findall(r"<tr>.*?</tr>", page, re.DOTALL)[1:]
    assert [re.sub(r"<[^>]+>", "", re.findall(r'class="state.*?</td>', row)[0].partition(">")[2]) for row in rows] == [
        "down: permission",
        "not asked yet",
        "up",
    ]
    assert "Awareness Training | Dashboard | Read" in rows[0]
    assert ">16</td>" in rows[2]
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_the_configuration_is_shown_without_secrets(exporter: str, chromium: Path, tmp_path: Path) -> None:
    page = browse(chromium, exporter + "/config", tmp_path)
    assert "&lt;secret&gt;" in page
    assert "client-secret-acme" not in page


def test_a_browser_reads_all_of_the_metrics(exporter: str, chromium: Path, tmp_path: Path) -> None:
    page = browse(chromium, exporter + "/metrics", tmp_path)
    assert "mimecast_awareness_campaign_emails_sent{" in page
    assert "process_cpu_seconds_total" in page


def test_pages_are_styled_under_the_strict_policy_light_and_dark_narrow_and_wide(
    exporter: str, chromium: Path, tmp_path: Path
) -> None:
    dark = "--blink-settings=preferredColorScheme=0"
    pictures = {
        (size, scheme): painted(chromium, exporter + "/", tmp_path, size, [dark] if scheme == "dark" else [])
        for size in ((1200, 800), (360, 640))
        for scheme in ("light", "dark")
    }
    assert len(set(pictures.values())) == 4
    if folder := os.environ.get("EXPORTER_TESTS_PICTURES"):
        for (size, scheme), picture in pictures.items():
            (Path(folder) / f"landing-{size[0]}-{scheme}.png").write_bytes(picture)


@pytest.mark.parametrize("path", ["/", "/config"])
def test_pages_allow_nothing_but_their_own_style(exporter: str, path: str) -> None:
    response = httpx.get(exporter + path, trust_env=False)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in response.text
    assert " style=" not in response.text
