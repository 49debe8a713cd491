"""What a debugger, a crash report or a `repr` would show: configuration, clients, exceptions of every failure."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator

import pytest
from exporter.collectors.queue import fetch_queue

from exporter.accounts.registry import Fleet
from exporter.config import load_file, redacted
from exporter.mimecast import MimecastError
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
    config = load_file(setting.config, environ=setting.environ)
    fleet = Fleet()
    await fleet.apply(config)
    planted, failed = setting.planted, 0
    try:
        for account in fleet.collection.accounts.values():
            try:
                await fetch_queue(account._client)
            except MimecastError as error:
                failed += 1
                for one in chain(error):
                    planted.assert_nowhere_in(f"{account.name}: {one!r}", str(one), repr(one), repr(one.args))
                planted.assert_nowhere_in(f"{account.name}: traceback", "".join(traceback.format_exception(error)))
            planted.assert_nowhere_in("objects", repr(account), repr(account._client), repr(account._client._auth))
    finally:
        await fleet.close()
    assert failed > len(MODES)
    planted.assert_nowhere_in("configuration", repr(config), str(config), redacted(config))
    assert redacted(config).count("<secret>") >= setting.accounts
    record_property("exceptions looked through, with all that led to them", failed)


async def test_a_refresh_that_fails_in_a_way_nobody_foresaw_is_logged_without_secrets(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("exporter.accounts.account.render_campaigns", broken)
    fleet = Fleet()
    await fleet.apply(load_file(setting.config, environ=setting.environ))
    try:
        await fleet.collection.collect("good, API 1.0", 10)
    finally:
        await fleet.close()
    assert "a defect" in caplog.text
    setting.planted.assert_nowhere_in("the traceback in the log", caplog.text)
