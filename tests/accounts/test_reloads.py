"""Reloads: what an account keeps, what takes effect at once, and that a refused configuration changes nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from exporter.accounts.account import RunningAccount
from exporter.accounts.registry import AccountRegistry
from exporter.app import App
from exporter.cli.loading import catalog
from exporter.config import Account, ApiSettings, CacheSettings, CampaignFilter, Config, ConfigError, Problem, load_file
from tests.clocks import Clock
from tests.commands import running
from tests.rawserver import RawServer, Received, http, json_answer, raw_server, sends
from tests.serving import HMAC, OAUTH2, account, configuration, served
from tests.vendor_samples import NEWER, OLDER, answer

pytestmark = pytest.mark.anyio

SENT = "mimecast_awareness_campaign_emails_sent"
GOOD = json_answer(answer(OLDER, NEWER))
#: Seconds between two checks of the watched files.
INTERVAL = 30.0

accounts: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    name=st.sampled_from(["acme", "globex", "initech"]),
    app_id=st.sampled_from(["one", "two"]),
    correct_answers=st.sampled_from(["count", "option"]),
    labels=st.dictionaries(st.sampled_from(["tier", "team"]), st.sampled_from(["a", "b"])),
    campaigns=st.builds(CampaignFilter, limit=st.none() | st.integers(1, 2)),
)
configurations: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    accounts=st.lists(accounts, min_size=1, max_size=3, unique_by=lambda one: one["name"]),
    cache=st.builds(CacheSettings, ttl=st.sampled_from([60.0, 300.0]), max_stale=st.sampled_from([600.0, 3600.0])),
    api=st.builds(ApiSettings, timeout=st.sampled_from([2.0, 5.0]), concurrency=st.integers(1, 3)),
)


def built(drawn: dict[str, Any], base_url: str) -> Config:
    def one(given: dict[str, Any]) -> Account:
        changes = {key: value for key, value in given.items() if key not in ("name", "app_id")}
        return replace(account(given["name"], base_url, replace(HMAC, app_id=given["app_id"])), **changes)

    return Config(accounts=tuple(one(given) for given in drawn["accounts"]), cache=drawn["cache"], api=drawn["api"])


def state_of(running: RunningAccount) -> tuple[object, ...]:
    """What an account must keep."""
    campaigns = running.collectors["campaigns"]
    status = campaigns.status
    return (
        *(status.up, status.data_time, status.records, dict(status.failures), dict(running.status.traffic.requests)),
        campaigns.cache.next_attempt_in > 0,
    )


@asynccontextmanager
async def running_registry() -> AsyncIterator[tuple[AccountRegistry, RawServer, Clock]]:
    clock = Clock(1000.0)
    registry = AccountRegistry(clock=clock, wall_clock=Clock(1_790_000_000.0))

    async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(http(500) if request.headers["x-mc-app-id"] == "two" else GOOD)

    async with raw_server(respond) as api:
        yield registry, api, clock
        await registry.close()


@settings(max_examples=40, deadline=None)
@given(configurations, configurations)
def test_an_account_that_is_called_the_same_way_keeps_everything(before: Any, after: Any) -> None:
    async def trial() -> None:
        async with running_registry() as (registry, api, _):
            old, new = built(before, api.base_url), built(after, api.base_url)
            await registry.apply(old)
            await registry.exposition(None, None).refresh(5)
            states = {name: state_of(running) for name, running in registry.accounts.items()}
            known = {(one.name, one.base_url, one.credentials) for one in old.accounts}
            await registry.apply(new)
            assert list(registry.accounts) == [one.name for one in new.accounts]
            for one in new.accounts:
                kept = (one.name, one.base_url, one.credentials) in known
                assert (state_of(registry.accounts[one.name]) == states.get(one.name)) is kept
            asked = len(api.requests)
            await registry.exposition(None, None).refresh(5)
            due = sum(_is_due(one, old, registry) for one in new.accounts)
            assert len(api.requests) - asked == due

    asyncio.run(trial())


def _is_due(one: Account, old: Config, registry: AccountRegistry) -> bool:
    """Whether a scrape after the reload calls the API for this account; nobody's data has aged."""
    before = next((was for was in old.accounts if was.name == one.name and was.credentials == one.credentials), None)
    if one.credentials == replace(HMAC, app_id="two"):
        # It failed before, and its credentials' host is paused, unless nobody used them.
        return before is None
    changed = before is not None and (before.campaigns, before.correct_answers) != (one.campaigns, one.correct_answers)
    return before is None or changed


async def test_a_longer_staleness_during_an_outage_keeps_the_data() -> None:
    async with raw_server(sends(GOOD, http(500))) as api:
        config = configuration(api.base_url, ttl=60, max_stale=60)
        async with served(config) as exporter:
            await exporter.scrape()
            exporter.advance(100)
            await exporter.scrape()
            await exporter.app.registry.apply(replace(config, cache=CacheSettings(ttl=60, max_stale=3600)))
            exporter.advance(1000)
            exposition = await exporter.scrape()
    assert exposition.value(SENT, title="Older sample") == 5
    assert exposition.value("mimecast_cache_requests_total") == 3


async def test_a_changed_filter_refreshes_the_data_and_serves_the_old_series_until_that_succeeds() -> None:
    async with raw_server(sends(GOOD, http(500), GOOD)) as api:
        config = configuration(api.base_url)
        async with served(config) as exporter:
            await exporter.scrape()
            limited = replace(config.accounts[0], campaigns=CampaignFilter(include=(re.compile("Newer.*"),)))
            await exporter.app.registry.apply(replace(config, accounts=(limited,)))
            during = await exporter.scrape()
            exporter.advance(60)
            after = await exporter.scrape()
    assert len(during.values(SENT)) == 2
    assert len(after.values(SENT)) == 1


async def test_the_concurrency_is_what_the_configuration_says_however_often_it_is_loaded() -> None:
    at_once, most = 0, 0

    async def slow(_: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.02)
        at_once -= 1
        writer.write(GOOD)

    async with raw_server(slow) as api:
        config = replace(
            configuration(api.base_url, *(f"customer-{number}" for number in range(8)), ttl=0),
            api=ApiSettings(concurrency=1),
        )
        async with served(config) as exporter:
            for _ in range(5):
                scraping = asyncio.create_task(exporter.scrape())
                await asyncio.sleep(0.01)
                await exporter.app.registry.apply(config)
                await scraping
    assert most == 1


async def test_a_collector_that_is_switched_off_and_on_starts_again() -> None:
    async with raw_server(sends(GOOD)) as api:
        config = configuration(api.base_url)
        async with served(config) as exporter:
            await exporter.scrape()
            none = replace(config, accounts=(replace(config.accounts[0], collectors=()),))
            await exporter.app.registry.apply(none)
            assert (await exporter.scrape()).values(SENT) == []
            await exporter.app.registry.apply(config)
            assert len((await exporter.scrape()).values(SENT)) == 2
            assert len(api.requests) == 2


async def test_a_refresh_that_runs_during_a_reload_with_new_connections_completes() -> None:
    asked, gate = asyncio.Event(), asyncio.Event()

    async def gated(_: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await gate.wait()
        writer.write(GOOD)

    async with raw_server(gated) as api:
        config = configuration(api.base_url)
        async with served(config) as exporter:
            scraping = asyncio.create_task(exporter.scrape())
            await asked.wait()
            tls = replace(config.api.tls_config, min_version="TLS13")
            await exporter.app.registry.apply(replace(config, api=replace(config.api, tls_config=tls)))
            gate.set()
            exposition = await scraping
    assert exposition.value("mimecast_up") == 1
    assert exposition.failures == {}


@pytest.mark.parametrize(
    "error",
    [ConfigError([Problem("config.yaml", 3, "cache.ttl", "is wrong")]), OSError(13, "denied"), RuntimeError("a bug")],
    ids=["expected", "a file", "unexpected"],
)
async def test_whatever_goes_wrong_in_a_reload_is_reported_and_changes_nothing_else(error: Exception) -> None:
    def read() -> Config:
        raise error

    async with raw_server(sends(GOOD)) as api:
        async with served(configuration(api.base_url)) as exporter:
            await exporter.scrape()
            app = App(configuration(api.base_url), read)
            await app.start()
            assert await app.reload() != ""
            text = app.process.render("text").decode()
            assert "mimecast_exporter_config_last_reload_successful 0\n" in text
            assert list(app.registry.accounts) == ["acme"]
            await app.close()


async def test_an_account_with_other_credentials_starts_again() -> None:
    async with raw_server(sends(GOOD)) as api:
        config = configuration(api.base_url)
        async with served(config) as exporter:
            await exporter.scrape()
            await exporter.app.registry.apply(replace(config, accounts=(account("acme", api.base_url, OAUTH2),)))
            status = exporter.app.registry.accounts["acme"].status
            assert status.traffic.requests == {}


async def test_files_that_change_are_loaded_and_files_that_do_not_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "accounts.d"
    folder.mkdir()
    main = tmp_path / "config.yaml"
    main.write_text("account_files: [accounts.d/*.yaml]\n")
    served: list[list[str]] = []

    def read() -> Config:
        return load_file(main, environ={}, catalog=catalog())

    def add(name: str, text: str = "accounts: [{name: %s, oauth2: {client_id: a, client_secret: b}}]") -> None:
        (folder / f"{name}.yaml").write_text(text % name if "%s" in text else text)

    late = "accounts: [{name: late, oauth2: {client_id: a, client_secret_file: ../late-secret}}]"
    (folder / "late.yaml").write_text(late)

    def late_secret() -> None:
        (tmp_path / "late-secret").write_text("secret")

    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: add("acme"),
        lambda: None,
        lambda: add("globex"),
        lambda: add("globex", "accounts: ["),
        lambda: main.write_text("nonsense: 1\n"),
        lambda: main.write_text("account_files: [accounts.d/*.yaml]\ncache: {ttl: 1m}\n"),
        late_secret,
        (folder / "acme.yaml").unlink,
    ]

    async def sleep(seconds: float) -> None:
        if seconds < INTERVAL:
            return
        served.append(sorted(app.registry.accounts))
        if not changes:
            raise asyncio.CancelledError
        changes.pop(0)()

    app = App(read(), read)
    await app.start()
    with pytest.raises(asyncio.CancelledError):
        await app.watch(INTERVAL, sleep)
    both = ["acme", "globex"]
    assert served == [[], [], ["acme"], ["acme"], both, ["acme"], ["acme"], ["acme"], ["acme", "late"], ["late"]]
    await app.close()


@pytest.mark.parametrize("end", [0, 1, 12, 30, 45, 60])
async def test_a_file_that_is_still_being_written_is_not_loaded(tmp_path: Path, end: int) -> None:
    config, accounts = tmp_path / "config.yaml", tmp_path / "accounts.yaml"
    config.write_text("account_files: [accounts.yaml]\n")
    text = "accounts: [{name: %s, oauth2: {client_id: a, client_secret: b}}]\n"
    accounts.write_text(text % "acme")
    served: list[list[str]] = []

    def read() -> Config:
        return load_file(config, environ={}, catalog=catalog())

    async def sleep(seconds: float) -> None:
        served.append(list(app.registry.accounts))
        if len(served) == 1:
            accounts.write_text((text % "globex")[:end])
        elif seconds < INTERVAL:
            accounts.write_text(text % "globex")
        elif len(served) > 4:
            raise asyncio.CancelledError

    app = App(read(), read)
    await app.start()
    with pytest.raises(asyncio.CancelledError):
        await app.watch(INTERVAL, sleep)
    assert served == [["acme"]] * 4 + [["globex"]]
    await app.close()


async def test_an_unexpected_error_does_not_end_the_watch(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "account_files: [faulty.yml]\naccounts: [{name: acme, oauth2: {client_id: a, client_secret: b}}]\n"
    )
    (tmp_path / "faulty.yml").write_text("accounts: [")
    outcomes: list[Exception | None] = [None, RuntimeError("planted"), RuntimeError("planted")]
    reloads: list[bool] = []

    def read() -> Config:
        if outcomes and (error := outcomes.pop(0)):
            raise error
        return load_file(config, environ={}, catalog=catalog())

    async def sleep(seconds: float) -> None:
        if seconds < INTERVAL:
            return
        reloads.append(b"reload_successful 1\n" in app.process.render("text"))
        if len(reloads) == 2:
            config.write_text(config.read_text().replace("acme", "globex"))
        if len(reloads) == 3:
            raise asyncio.CancelledError

    app = App(read(), read)
    await app.start()
    with pytest.raises(asyncio.CancelledError):
        await app.watch(INTERVAL, sleep)
    assert reloads == [True, False, True]
    assert list(app.registry.accounts) == ["globex"]
    await app.close()


async def test_a_file_that_changed_before_it_was_watched_is_loaded(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("accounts: [{name: acme, oauth2: {client_id: a, client_secret: b}}]\n")

    def read() -> Config:
        return load_file(config, environ={}, catalog=catalog())

    checks = ["the only one"]

    async def sleep(seconds: float) -> None:
        if seconds == INTERVAL and not checks:
            raise asyncio.CancelledError
        checks.clear()

    app = App(read(), read)
    await app.start()
    config.write_text(config.read_text().replace("acme", "globex"))
    with pytest.raises(asyncio.CancelledError):
        await app.watch(INTERVAL, sleep)
    assert list(app.registry.accounts) == ["globex"]
    await app.close()


def test_an_account_is_added_without_a_signal(tmp_path: Path) -> None:
    (tmp_path / "accounts.d").mkdir()
    (tmp_path / "config.yaml").write_text("account_files: [accounts.d/*.yaml]\n")
    arguments = ("serve", f"--config.file={tmp_path}/config.yaml", "--config.watch=0.05")
    with running(*arguments, "--web.listen-address=127.0.0.1:0") as exporter:
        exporter.wait_for("msg=listening")
        account = "accounts: [{name: acme, oauth2: {client_id: a, client_secret: b}}]"
        (tmp_path / "new").write_text(account)
        (tmp_path / "new").rename(tmp_path / "accounts.d" / "acme.yaml")
        exporter.wait_for('msg="configuration loaded".* accounts=1')
        assert exporter.end() == 0
