"""Many accounts: files of accounts, reloads, sharing, and fetching side by side."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from exporter.accounts.registry import AccountRegistry
from exporter.config import ApiSettings, CampaignFilter, Config, Secret
from exporter.simulator import Fault, Simulator, configuration, fleet, serve
from exporter.simulator import running as simulating
from tests.commands import run, running
from tests.rawserver import Received, http, json_answer, raw_server, sends
from tests.serving import HMAC, OAUTH2, Served, account, served
from tests.serving import configuration as settings
from tests.vendor_samples import NEWER, OLDER, answer

pytestmark = pytest.mark.anyio

SENT = "mimecast_awareness_campaign_emails_sent"
GOOD = json_answer(answer(OLDER, NEWER))
LISTEN = "--web.listen-address=127.0.0.1:0"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A configuration of one file an account, on a simulated API."""
    simulator = Simulator(fleet(4))
    (tmp_path / "accounts.d").mkdir()
    (tmp_path / "config.yaml").write_text("account_files: [accounts.d/*.yaml]\ncache: {ttl: 1h}\n")
    with simulating(simulator) as base_url:
        for account in simulator.accounts:
            (tmp_path / f"{account.name}.yaml").write_text(configuration([account], base_url))
        for name in ("acme", "globex"):
            use(tmp_path, name)
        yield tmp_path


def use(folder: Path, name: str) -> None:
    (folder / "accounts.d" / f"{name}.yaml").write_text((folder / f"{name}.yaml").read_text())


def accounts_in(text: str) -> set[str]:
    return {line.split('"')[1] for line in text.splitlines() if line.startswith("mimecast_up{")}


def test_account_files_come_and_go_on_reload_and_others_keep_their_cache(folder: Path) -> None:
    with running("serve", f"--config.file={folder}/config.yaml", LISTEN, "--web.enable-lifecycle") as exporter:
        with httpx.Client(base_url=exporter.base_url, trust_env=False) as client:
            assert accounts_in(client.get("/metrics").text) == {"acme", "globex"}
            use(folder, "umbrella")
            (folder / "accounts.d" / "globex.yaml").unlink()
            assert client.post("/-/reload").status_code == 200
            text = client.get("/metrics").text
            assert accounts_in(text) == {"acme", "umbrella"}
            assert 'mimecast_cache_hits_total{collector="campaigns"} 1\n' in text
            assert 'mimecast_api_requests_total{account="acme",endpoint="get-queue",code="200"} 1\n' in text
            assert exporter.end() == 0


def test_a_broken_account_file_keeps_the_others_running_and_stops_check(folder: Path) -> None:
    broken = folder / "accounts.d" / "broken.yaml"
    broken.write_text("accounts:\n  - name: broken\n    oauth2: {client_id: a, client_secret: planted, extra: 1}\n")
    with running("serve", f"--config.file={folder}/config.yaml", LISTEN) as exporter:
        text = httpx.get(exporter.base_url + "/metrics", trust_env=False).text
        exporter.end()
    assert accounts_in(text) == {"acme", "globex"}
    assert f'mimecast_exporter_account_file_valid{{file="{broken}"}} 0\n' in text
    assert text.count("mimecast_exporter_account_file_valid{") == 3
    assert f"{broken}:3" in exporter.output
    checked = run("check", f"--config.file={folder}/config.yaml")
    assert checked.returncode == 1
    assert f"{broken}:3" in checked.stderr
    assert "planted" not in text + exporter.output + checked.stderr


def test_a_reload_that_fails_changes_nothing_and_says_so(folder: Path) -> None:
    file = folder / "config.yaml"
    with running("serve", f"--config.file={file}", LISTEN, "--web.enable-lifecycle") as exporter:
        with httpx.Client(base_url=exporter.base_url, trust_env=False) as client:
            good = file.read_text()
            file.write_text(good + "nonsense: 1\n")
            refused = client.put("/-/reload")
            assert refused.status_code == 500
            assert f"{file}:3" in refused.text
            text = client.get("/metrics").text
            assert "mimecast_exporter_config_last_reload_successful 0\n" in text
            assert accounts_in(text) == {"acme", "globex"}
            file.write_text(good)
            exporter.process.send_signal(signal.SIGHUP)
            exporter.wait_for('msg="configuration loaded"')
            text = client.get("/metrics?collect[]=exporter").text
            assert "mimecast_exporter_config_last_reload_successful 1\n" in text


async def test_filters_leave_series_out_and_count_them_by_reason(caplog: pytest.LogCaptureFixture) -> None:
    async with raw_server(sends(GOOD)) as api:
        config = settings(api.base_url)
        limited = replace(config.accounts[0], campaigns=CampaignFilter(limit=1))
        async with served(replace(config, accounts=(limited,))) as exporter:
            for _ in range(2):
                exposition = await exporter.scrape()
                exporter.advance(301)
    assert exposition.value("mimecast_awareness_campaigns") == 1
    assert exposition.value("mimecast_awareness_campaigns_skipped", reason="limit") == 1
    assert exposition.value("mimecast_awareness_campaigns_skipped", reason="filtered") == 0
    assert exposition.value(SENT, title="Newer fields") == 120
    assert exposition.value(SENT, title="Older sample") is None
    warned = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 1


async def test_fetches_run_side_by_side_under_the_limit() -> None:
    at_once, most = 0, 0

    async def slow(request: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.05)
        at_once -= 1
        writer.write(GOOD)

    async with raw_server(slow) as api:
        config = settings(api.base_url, *(f"customer-{number}" for number in range(40)))
        async with served(replace(config, api=ApiSettings(concurrency=8, timeout=20))) as exporter:
            exposition = await exporter.scrape()
    assert len(exposition.values("mimecast_up")) == 40
    assert set(exposition.values("mimecast_up")) == {1.0}
    assert most == 8


async def test_accounts_of_a_host_that_hangs_hold_up_no_account_of_another_host() -> None:
    never = asyncio.Event()

    async def hangs(_: Received, writer: asyncio.StreamWriter) -> None:
        await never.wait()

    async with raw_server(hangs) as hanging, raw_server(sends(GOOD)) as healthy:
        config = settings(hanging.base_url, *(f"customer-{number}" for number in range(30)))
        config = replace(
            config,
            accounts=(*config.accounts, account("acme", healthy.base_url, HMAC)),
            api=ApiSettings(concurrency=5, timeout=60),
        )
        async with served(config) as exporter:
            exposition = await exporter.scrape(X_Prometheus_Scrape_Timeout_Seconds="2")
        never.set()
    assert len(exposition.values(SENT, account="acme")) == 2


async def test_a_collector_that_hangs_holds_up_no_other_collector_of_the_same_accounts() -> None:
    never = asyncio.Event()

    async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
        if not request.path.endswith("get-queue"):
            await never.wait()
        writer.write(GOOD)

    async with raw_server(respond) as api:
        names = (f"customer-{number}" for number in range(20))
        config = settings(api.base_url, *names, collectors=("performance", "campaigns"))
        async with served(replace(config, api=ApiSettings(concurrency=5, timeout=60))) as exporter:
            exposition = await exporter.scrape(X_Prometheus_Scrape_Timeout_Seconds="5")
        never.set()
    assert len(exposition.values("mimecast_awareness_campaigns")) == 20


async def test_a_scrape_of_many_cold_accounts_answers_in_time_and_has_the_rest_the_next_time() -> None:
    async def slow(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(GOOD)

    async with raw_server(slow) as api:
        config = settings(api.base_url, *(f"customer-{number}" for number in range(60)))
        async with served(replace(config, api=ApiSettings(concurrency=10, timeout=20))) as exporter:
            first = await exporter.scrape(X_Prometheus_Scrape_Timeout_Seconds="0.9")
            assert 0 < len(first.values(SENT, title="Older sample")) < 60
            second = await exporter.scrape()
            assert len(second.values(SENT, title="Older sample")) == 60
            assert len(api.requests) == 60


@pytest.fixture
async def sharing() -> AsyncIterator[tuple[Simulator, Served]]:
    """Three exporter accounts on one simulated application."""
    simulator = Simulator(fleet(1))
    async with serve(simulator) as base_url:
        (simulated,) = simulator.accounts
        credentials = replace(OAUTH2, client_id=simulated.application, client_secret=Secret(simulated.key))
        names = ("one", "two", "three")
        config = Config(
            accounts=tuple(account(name, base_url, credentials) for name in names), api=ApiSettings(timeout=5)
        )
        async with served(config) as exporter:
            yield simulator, exporter


async def test_accounts_with_the_same_credentials_share_the_token(sharing: tuple[Simulator, Served]) -> None:
    simulator, exporter = sharing
    assert (await exporter.scrape()).values("mimecast_up") == [1, 1, 1]
    assert [recorded.endpoint for recorded in simulator.requests].count("token") == 1


async def test_accounts_with_the_same_credentials_share_the_pause(sharing: tuple[Simulator, Served]) -> None:
    simulator, exporter = sharing
    await exporter.scrape("/probe?target=one")
    simulator.faults.add(Fault(status=429, headers={"X-RateLimit-Reset": "60000"}))
    await exporter.scrape("/probe?target=two")
    before = len(simulator.requests)
    await exporter.scrape("/probe?target=three")
    assert len(simulator.requests) == before
    simulator.faults.clear()
    exporter.advance(60)
    assert (await exporter.scrape("/probe?target=three")).value("probe_success") == 1


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_thousand_accounts_share_connections() -> None:
    before = open_files()
    registry = AccountRegistry()
    accounts = tuple(account(f"customer-{number}", "http://127.0.0.1:1", HMAC) for number in range(1000))
    await registry.apply(Config(accounts=accounts))
    assert open_files() - before < 10
    await registry.close()


async def test_a_removed_account_is_fetched_no_more_and_its_fetch_is_cancelled() -> None:
    asked: list[str] = []

    async def never(request: Received, writer: asyncio.StreamWriter) -> None:
        asked.append(request.headers["x-mc-app-id"])
        await asyncio.sleep(0.2)
        writer.write(GOOD)

    async with raw_server(never) as api:
        registry = AccountRegistry()
        config = settings(api.base_url, "acme", "globex")
        await registry.apply(config)
        both = asyncio.create_task(registry.exposition(None, None).refresh(30))
        while len(asked) < 2:
            await asyncio.sleep(0.01)
        await registry.apply(replace(config, accounts=config.accounts[:1]))
        assert list(registry.accounts) == ["acme"]
        await both
        assert registry.accounts["acme"].status.up
        await registry.exposition(None, None).refresh(30)
        assert sorted(asked) == ["acme", "globex"]
        await registry.close()


async def test_a_failing_account_is_one_of_many() -> None:
    async def one_fails(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(http(500) if request.headers["x-mc-app-id"] == "globex" else GOOD)

    async with raw_server(one_fails) as api, served(settings(api.base_url, "acme", "globex", "initech")) as exporter:
        exposition = await exporter.scrape()
    assert exposition.value("mimecast_up", account="globex") == 0
    assert exposition.value("mimecast_up", account="acme") == 1
    assert exposition.value(SENT, account="initech", title="Older sample") == 5
