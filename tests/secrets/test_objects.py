"""What a debugger, a crash report or a `repr` would show: configuration, clients, exceptions of every failure."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from exporter.accounts.clients import authentication, client_of, http_settings
from exporter.accounts.registry import AccountRegistry
from exporter.cli.loading import catalog
from exporter.collectors.campaigns import CAMPAIGNS, decode
from exporter.config import load_file, redacted
from exporter.mimecast import MimecastError, Traffic, open_http_client
from tests.secrets.conftest import Setting
from tests.secrets.echoing import MODES

pytestmark = pytest.mark.anyio


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and all that led to it, shown or not."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in seen:
            seen.append(one)
            waiting += [one.__cause__, one.__context__]
    return iter(seen)


async def test_no_exception_of_any_failure_holds_a_secret(
    setting: Setting, record_property: Callable[[str, object], None]
) -> None:
    config = load_file(setting.config, environ=setting.environ, catalog=catalog())
    registry = AccountRegistry()
    await registry.apply(config)
    planted, failed = setting.planted, 0
    async with open_http_client(http_settings(config.api)) as http:
        for account in config.accounts:
            auth = authentication(account)
            client = client_of(account, config.api, http, auth, Traffic())
            try:
                await client.fetch(CAMPAIGNS.endpoint, partial(decode, account=account))
            except MimecastError as error:
                failed += 1
                for one in chain(error):
                    planted.assert_nowhere_in(f"{account.name}: {one!r}", str(one), repr(one), repr(one.args))
                planted.assert_nowhere_in(f"{account.name}: traceback", "".join(traceback.format_exception(error)))
            planted.assert_nowhere_in("objects", repr(account), repr(client), repr(auth))
    for running in registry.accounts.values():
        planted.assert_nowhere_in("running accounts", repr(running), repr(running.status), repr(running.collectors))
    await registry.close()
    assert failed > len(MODES)
    planted.assert_nowhere_in("configuration", repr(config), str(config), redacted(config))
    assert redacted(config).count("<secret>") >= setting.accounts
    record_property("exceptions looked through, with all that led to them", failed)


async def test_an_unexpected_error_of_a_refresh_is_logged_without_secrets(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("exporter.accounts.collector.render_records", broken)
    registry = AccountRegistry()
    await registry.apply(load_file(setting.config, environ=setting.environ, catalog=catalog()))
    try:
        await registry.exposition("good, API 1.0", None).refresh(10)
    finally:
        await registry.close()
    assert "a defect" in caplog.text
    setting.planted.assert_nowhere_in("the traceback in the log", caplog.text)
