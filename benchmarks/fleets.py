"""A provider's fleet: 1 000 accounts of 50 campaigns, from warm cache and when some accounts expire between scrapes."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import anyio
import msgspec

from benchmarks import serving
from benchmarks.library import campaigns_in
from benchmarks.measuring import memory
from benchmarks.refreshing import answer_of, render
from benchmarks.rows import Row, at_most, left_out
from benchmarks.scraping import Contest
from benchmarks.serving import PROMETHEUS
from exporter.accounts.account import RunningAccount
from exporter.accounts.backoff import Backoff
from exporter.accounts.cache import Statistics
from exporter.accounts.collector import RunningCollector, Shared
from exporter.accounts.exposition import AccountsExposition
from exporter.accounts.status import ACCOUNT_FAMILIES, COLLECTOR_FAMILIES
from exporter.collectors import campaigns as table
from exporter.collectors.campaigns import Campaign
from exporter.config import Account, CacheSettings
from exporter.exposition.compression import CachedBody
from exporter.exposition.family import Family
from exporter.exposition.text import FamilyTexts, merge
from exporter.mimecast import Answer, MimecastClient, SignedRequests, Traffic
from tests.clocks import Clock

ACCOUNTS, CAMPAIGNS = 1_000, 50
_TENTH = ACCOUNTS // 10
_TTL = 300.0
_AUTH = SignedRequests(app_id="", app_key=str, access_key=str, secret_key=str)


def rows(rounds: int) -> Iterator[Row]:
    """Everything about a fleet."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        api = stack.enter_context(serving.answering(answer_of(CAMPAIGNS)))
        ours = stack.enter_context(serving.exporter(folder, serving.configuration(api, accounts=ACCOUNTS)))
        ours.scrape(PROMETHEUS | {"X-Prometheus-Scrape-Timeout-Seconds": "110"})
        contestants = {"exporter": ours}
        what = f"{ACCOUNTS} accounts × {CAMPAIGNS} campaigns"
        if program := serving.find_peer("nginx"):
            (folder / "nginx").mkdir()
            contestants["nginx"] = stack.enter_context(serving.nginx(program, folder / "nginx", ours.body(PROMETHEUS)))
        else:
            yield left_out("nginx", serving.UNAVAILABLE)
        contest = Contest(contestants, PROMETHEUS, 10, rounds)
        yield Row(f"{what}: memory an account", f"{1000 * memory(ours.pid)[0] / ACCOUNTS:.0f} kB")
        yield Row(f"{what}: CPU of a cached scrape", f"{1000 * contest.cpu['exporter']:.1f} ms")
        if "nginx" in contest.cpu:
            yield at_most(f"{what}: CPU of a cached scrape against nginx", contest.against("nginx"), 4)
    yield from asyncio.run(_expiring())


class _Client:
    """An account's API, whose answer is there at once."""

    def __init__(self, queue: Answer[Campaign]) -> None:
        self.traffic = Traffic()
        self.queue = queue

    async def fetch(self, *_: object) -> Answer[Campaign]:
        self.traffic.answered("get-queue", 200, {}, 0.0)
        return self.queue


class _Fleet:
    """Warm accounts, of which another tenth expires in each second from `_TTL` after the start on."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._began = self._clock.now
        self._queue = Answer(campaigns_in(answer_of(CAMPAIGNS)), 0, 1)
        self._lookups = {"campaigns": Statistics()}
        self._clients = [_Client(self._queue) for _ in range(ACCOUNTS)]
        self.accounts = [self._account(number, client) for number, client in enumerate(self._clients)]
        self._exposition = AccountsExposition(self.accounts, clock=self._clock)

    def _account(self, number: int, client: _Client) -> RunningAccount:
        settings = Account(name=f"customer-{number:04d}", collectors=("campaigns",))
        limiters = {"campaigns": anyio.CapacityLimiter(20)}
        shared = Shared(_AUTH, Backoff(self._clock), limiters, self._lookups, self._clock, self._clock)
        account = RunningAccount(settings, shared)
        campaigns = RunningCollector(
            table.CAMPAIGNS,
            settings,
            cast(MimecastClient, client),
            CacheSettings(ttl=_TTL, max_stale=3600),
            shared=shared,
            on_refreshed=account._forget_texts,
        )
        account.collectors = {"campaigns": campaigns}
        account.status.collectors = (campaigns.status,)
        return account

    async def fill(self) -> None:
        """Fetch each account, a tenth of them a second."""
        for begin in range(0, ACCOUNTS, _TENTH):
            await AccountsExposition(self.accounts[begin : begin + _TENTH], clock=self._clock).refresh(60)
            self._clock.advance(1)
        await self.scrape()

    async def scrape(self) -> None:
        """Answer a scrape, from asking the accounts to the bytes of the answer."""
        await self._exposition.refresh(60)
        await self._exposition.body("openmetrics").gzip(b"")

    def expire(self, tenth: int) -> None:
        """Let that tenth of the accounts expire."""
        self._clock.now = self._began + _TTL + tenth

    def change(self) -> None:
        """Let every account's next answer differ from its last in one number."""
        first, *others = self._queue.items
        for client in self._clients:
            client.queue = Answer((msgspec.structs.replace(first, emails_sent=987_654), *others), 0, 1)

    async def refresh(self, tenth: int) -> None:
        """Fetch a tenth of the accounts that has expired, and render what it says."""
        part = AccountsExposition(self.accounts[tenth * _TENTH : (tenth + 1) * _TENTH], clock=self._clock)
        await part.refresh(60)
        part.body("openmetrics")

    async def merge_and_compress(self, texts: Sequence[tuple[FamilyTexts, FamilyTexts]]) -> None:
        """Do what a change anywhere costs: merge the texts of campaigns and statuses, and compress them."""
        campaigns = CachedBody(merge(table.FAMILIES, [campaigns for campaigns, _ in texts]))
        families: list[Family[Any]] = [*ACCOUNT_FAMILIES, *COLLECTOR_FAMILIES]
        statuses = merge(families, [statuses for _, statuses in texts], "openmetrics")
        await CachedBody([b"".join(statuses)], campaigns).gzip(b"")

    async def texts(self) -> list[tuple[FamilyTexts, FamilyTexts]]:
        """Return the texts of every account's campaigns, and of its status."""
        return [
            (
                await render(one.settings.name, self._queue.items),
                {**one.status_texts, **one.collectors["campaigns"].status_texts},
            )
            for one in self.accounts
        ]


async def _cpu(work: Coroutine[Any, Any, None]) -> float:
    began = time.process_time()
    await work
    return time.process_time() - began


async def _expiring() -> list[Row]:
    fleet = _Fleet()
    await fleet.fill()
    warm = statistics.median([await _cpu(fleet.scrape()) for _ in range(9)])
    texts = await fleet.texts()
    merged = statistics.median([await _cpu(fleet.merge_and_compress(texts)) for _ in range(5)])
    del texts
    same, changed, refreshed = [], [], []
    for tenth in range(3):
        fleet.expire(tenth)
        same.append(await _cpu(fleet.scrape()))
    fleet.change()
    for tenth in range(3, 9):
        fleet.expire(tenth)
        if tenth % 2:
            changed.append(await _cpu(fleet.scrape()))
        else:
            refreshed.append(await _cpu(fleet.refresh(tenth)))
    unchanged, new, renewed = map(statistics.median, (same, changed, refreshed))
    what = f"{ACCOUNTS} accounts, a tenth of them expired: CPU of the scrape without HTTP"
    return [
        Row(f"{what}, where nothing changed", f"{1000 * unchanged:.0f} ms; {1000 * warm:.1f} ms from warm cache"),
        Row(f"{what}, where they have new numbers", f"{1000 * new:.0f} ms"),
        at_most(f"{what}, against a cached one, refreshing that tenth, one merge and one gzip",
                new / (warm + renewed + merged), 1.1),
    ]  # fmt: skip
