"""The past of simulated accounts as the exporter would have exposed it, for `simulate --history`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec

from exporter.accounts.cache import Statistics
from exporter.accounts.exposition import record_families, status_families
from exporter.accounts.status import (
    ACCOUNT_FAMILIES,
    COLLECTOR_FAMILIES,
    SCRAPE_FAMILIES,
    AccountStatus,
    CollectorStatus,
    count_families,
)
from exporter.collectors import COLLECTORS, Collector
from exporter.config import Account
from exporter.exposition.family import Family
from exporter.exposition.text import FamilyTexts, format_labels, merge, render_record
from exporter.mimecast import Traffic
from exporter.simulator import SimulatedAccount, Simulator, history

Item = dict[str, Any]


def expositions(simulator: Simulator, length: float, step: float) -> Iterator[tuple[float, str]]:
    """Yield the times of regular scrapes until the simulator's present, each with what the exporter exposes then.

    Every scrape refreshes every collector of the table, and each refresh succeeds. The exporter's own metrics, and how
    long refreshes took, are not part of it.

    Args:
        simulator: whose accounts' past is written.
        length: seconds that it covers.
        step: seconds between two scrapes.

    """
    accounts = {account.name: _PastAccount(account) for account in simulator.accounts}
    families: list[Family[Any]] = [*record_families(), *status_families(), *SCRAPE_FAMILIES]
    for moment, answers in groupby(history(simulator, length / 86400, step), key=lambda answer: answer.moment):
        for answer in answers:
            accounts[answer.account].refresh(answer.endpoint, answer.items, moment)
        texts = [text for account in accounts.values() for text in account.texts()]
        yield moment, b"".join(merge(families, texts)).decode()


class _PastAccount:
    """One account: its collectors by endpoint, and its status."""

    def __init__(self, account: SimulatedAccount) -> None:
        self._collectors = {
            collector.endpoint.name: _PastCollector(collector, Account(name=account.name))
            for collector in COLLECTORS.values()
        }
        endpoints = (*self._collectors, "token") if account.version == "2.0" else tuple(self._collectors)
        collectors = tuple(collector.status for collector in self._collectors.values())
        self._status = AccountStatus(account.name, Traffic(), endpoints, collectors)
        self._labels = format_labels(("account",), (account.name,))

    def refresh(self, endpoint: str, items: Sequence[Item], moment: float) -> None:
        """Take an endpoint's answer."""
        self._collectors[endpoint].refresh(items, moment)
        self._status.traffic.requests[endpoint, 200] += 1

    def texts(self) -> Iterator[FamilyTexts]:
        """Yield the samples of the account and of its collectors."""
        yield render_record(ACCOUNT_FAMILIES, self._status, self._labels)
        for collector in self._collectors.values():
            yield from collector.texts()


class _PastCollector:
    """One collector of one account: its latest records, rendered, and its status."""

    def __init__(self, collector: Collector[Any], account: Account) -> None:
        self.status = CollectorStatus(collector.name, Statistics(), collector.counted_as, up=True)
        self._collector = collector
        self._account = account
        # By the item's identity; the item is kept so that no other takes its identity.
        self._rendered: dict[int, tuple[Item, FamilyTexts]] = {}

    def refresh(self, items: Sequence[Item], moment: float) -> None:
        """Take an answer; an item that was in the one before is not rendered again."""
        before = self._rendered
        self._rendered = {id(item): before.get(id(item)) or (item, self._render(item)) for item in items}
        self.status.records, self.status.data_time = len(items), moment
        self.status.cache.requests += 1

    def texts(self) -> Iterator[FamilyTexts]:
        """Yield the samples of the records and of the status."""
        yield from (text for _, text in self._rendered.values())
        labels = format_labels(("account", "collector"), (self._account.name, self._collector.name))
        yield render_record((*COLLECTOR_FAMILIES, *SCRAPE_FAMILIES), self.status, labels)
        if self.status.counted_as:
            account = format_labels(("account",), (self._account.name,))
            yield render_record(count_families(self.status.counted_as), self.status, account)

    def _render(self, item: Item) -> FamilyTexts:
        record = self._collector.decode(msgspec.Raw(msgspec.json.encode(item)), self._account)
        names = ("account", *self._collector.labels)
        values = [getattr(record, label) for label in self._collector.labels]
        return render_record(self._collector.families, record, format_labels(names, (self._account.name, *values)))
