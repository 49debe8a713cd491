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

LISTEN = "--web.listen-address=127.0.0.1:0"
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--virtual-time-budget=2000",
)  # fmt: skip


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An exporter with an account that fails, one that was never fetched, and a name that is an attack."""
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
        "not fetched yet",
        "up",
    ]
    assert "Awareness Training | Dashboard | Read" in rows[0]
    assert ">16</td>" in rows[2]
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_each_row_links_to_the_probe_and_shows_the_attempts(exporter: str) -> None:
    page = httpx.get(exporter + "/", trust_env=False).text
    failing, waiting, served = re.findall(r"<tr>.*?</tr>", page, re.DOTALL)[1:]
    assert '<a href="probe?target=globex">globex</a>' in failing
    assert all(re.search(r'data-label="Last attempt"><time datetime="[^"]+"', row) for row in (failing, served))
    assert re.search(r'data-label="Next attempt">(in \d+|next scrape|now)', failing)
    assert 'data-label="Next attempt">in 4m ' in served
    assert "Last attempt" in waiting
    assert "<time" not in waiting
    assert 'data-label="Next attempt">next scrape' in waiting


def test_an_account_that_is_fetched_for_the_first_time_is_shown_as_fetching(tmp_path: Path) -> None:
    simulator = Simulator(fleet(1))
    simulator.faults.add(Fault(delay=60))
    file = tmp_path / "config.yaml"
    with simulating(simulator) as api:
        file.write_text(configuration(simulator.accounts, api))
        with running("serve", f"--config.file={file}", LISTEN, "--default-scrape-timeout=0.1") as exporter:
            httpx.get(exporter.base_url + "/metrics", trust_env=False)
            page = httpx.get(exporter.base_url + "/", trust_env=False).text
    assert ">fetching</td>" in page
    assert 'data-label="Next attempt">now' in page


def test_many_accounts_can_be_filtered_without_a_script(tmp_path: Path) -> None:
    simulator = Simulator(fleet(30))
    simulator.faults.add(Fault(account="customer-0017", status=403))
    file = tmp_path / "config.yaml"

    with simulating(simulator) as api:
        file.write_text(configuration(simulator.accounts, api))
        with running("serve", f"--config.file={file}", LISTEN) as served:

            def names(query: str) -> list[str]:
                page = httpx.get(f"{served.base_url}/?{query}", trust_env=False)
                assert "form-action 'self'" in page.headers["content-security-policy"]
                assert '<form method="get"' in page.text
                return re.findall(r'target=[^"]+">([^<]+)</a>', page.text)

            for name in ("customer-0017", "acme"):
                httpx.get(f"{served.base_url}/probe?target={name}", trust_env=False)
            assert len(names("")) == 30
            assert names("q=ACM") == ["acme"]
            assert names("q=permission") == ["customer-0017"]
            assert names("state=up") == ["acme"]
            assert names("state=down&q=customer") == ["customer-0017"]
            assert names("q=nobody") == []
            assert len(names("state=nonsense")) == 30
            attack = httpx.get(served.base_url + "/", params={"q": '"><b>x'}, trust_env=False).text
    assert "<b>x" not in attack


def test_the_configuration_page_leads_back_and_folds_the_defaults(exporter: str) -> None:
    page = httpx.get(exporter + "/config", trust_env=False).text
    shown, folded = page.split("<details>")
    assert '<a href="./">← Accounts</a>' in shown
    assert "client-acme" in shown
    assert "max_stale" not in shown
    assert "max_stale: 1h" in folded


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
        for size in ((1280, 900), (420, 900))
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
