"""The fault matrix: each fault against a cold cache, a warm one, and while several scrape at once.

Whatever happens: the process lives, /metrics answers 200 within its deadline, what was known stays until its time, the
reason is the right one, one warning says so, no secret is told, nobody else is asked, and once the fault is over the
next scrape that is due is good again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.mimecast import REASONS
from tests.faults.facing import Facing, facing
from tests.faults.fault import PLANTED, Fault
from tests.faults.table import FAULTS
from tests.serving import Exposition, Served

pytestmark = pytest.mark.anyio

DEADLINE = 100.0
#: Seconds a scraper has that leave no time to wait: it is answered with what is there.
AT_ONCE = "0.4"
CAMPAIGNS = "mimecast_awareness_campaign_info"
#: Time to live and the longest staleness of the tests' configuration.
TTL, MAX_STALE = 300, 3600


async def within_deadline(exporter: Served, deadline: str = f"{DEADLINE}") -> Exposition:
    """A scrape that is answered before its deadline, and well before the test's own."""
    async with asyncio.timeout(DEADLINE):
        return await exporter.scrape(X_Prometheus_Scrape_Timeout_Seconds=deadline)


async def scraped(exporter: Served, state: str) -> Exposition:
    """One scrape, or the last of three that wait together while a fourth has no time to."""
    if state != "several scrapes at once":
        return await within_deadline(exporter)
    waiting = [asyncio.create_task(within_deadline(exporter)) for _ in range(3)]
    late = await within_deadline(exporter, AT_ONCE)
    assert late.value("mimecast_awareness_campaigns") is not None
    return (await asyncio.gather(*waiting))[-1]


def assert_nothing_is_told(exposition: Exposition, log: str, pages: str) -> None:
    for shown in (exposition.text, log, pages):
        assert PLANTED not in shown
        assert "Traceback" not in shown


def assert_failed(exposition: Exposition, reason: str, campaigns: int) -> None:
    assert exposition.failures == {reason: 1}
    assert exposition.value("mimecast_up") == 0
    assert len(exposition.values(CAMPAIGNS)) == campaigns


def assert_used(exposition: Exposition, fault: Fault) -> None:
    assert exposition.failures == {}
    assert exposition.value("mimecast_up") == 1
    assert len(exposition.values(CAMPAIGNS)) == fault.kept
    for metric, labels in fault.absent:
        assert exposition.values(metric, **labels) == []


async def assert_known_until_its_time(exporter: Served) -> None:
    """The fault goes on: what was known is served until it is too old, and not longer."""
    exporter.advance(MAX_STALE - 10)
    assert len((await within_deadline(exporter, AT_ONCE)).values(CAMPAIGNS)) == 2
    exporter.advance(20)
    assert (await within_deadline(exporter, AT_ONCE)).values(CAMPAIGNS) == []


async def assert_good_again(faced: Facing) -> None:
    faced.end()
    for _ in range(2):  # the first may join a fetch that began under the fault
        faced.exporter.advance(MAX_STALE + 1)
        exposition = await within_deadline(faced.exporter)
    assert exposition.value("mimecast_up") == 1
    assert len(exposition.values(CAMPAIGNS)) == 2


@pytest.mark.parametrize("state", ["cold", "warm", "several scrapes at once"])
@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_costs_what_it_must_and_no_more(
    name: str, state: str, caplog: pytest.LogCaptureFixture, tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG, logger="exporter")
    fault, warm = FAULTS[name], state != "cold"
    async with facing(fault, tmp_path, warm=warm) as faced:
        exporter = faced.exporter
        caplog.clear()
        exposition = await scraped(exporter, state)
        warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
        pages = (await exporter.http.get("/")).text + (await exporter.http.get("/config")).text
        assert (await exporter.http.get("/-/healthy")).status_code == 200
        assert_nothing_is_told(exposition, caplog.text, pages)
        if fault.reason:
            assert_failed(exposition, fault.reason, 2 if warm else 0)
            assert [record.__dict__.get("reason") for record in warnings] == [fault.reason]
            if warm:
                await assert_known_until_its_time(exporter)
        else:
            assert_used(exposition, fault)
        await assert_good_again(faced)
        assert_nothing_is_told(exposition, caplog.text, pages)
    assert faced.strangers == 0
    record_property("faults tried, each in each state", 1)


def test_every_reason_is_in_the_table_but_that_of_a_secret_file() -> None:
    assert {fault.reason for fault in FAULTS.values()} == {*REASONS, ""} - {"secret"}
