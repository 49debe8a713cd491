"""Render the history of simulated accounts for `simulate --history`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

import msgspec

from exporter.accounts.cache import Statistics
from exporter.accounts.status import (
    ACCOUNT_FAMILIES,
    LOOKUP_FAMILIES,
    AccountStatus,
    CollectorStatus,
    record_families,
    status_families,
)
from exporter.collectors import COLLECTORS
from exporter.config import Account
from exporter.exposition.text import FamilyTexts, format_labels, merge, render_record
from exporter.mimecast import Traffic
from exporter.simulator import PastAnswer, SimulatedAccount, Simulator, history

_BY_ENDPOINT = {collector.endpoint.name: collector for collector in COLLECTORS.values()}


def expositions(simulator: Simulator, length: float, step: float) -> Iterator[tuple[float, str]]:
    """Yield the time and the exposition of each scrape up to the simulator's present.

    Every scrape refreshes every collector, and each refresh succeeds. The exporter's own metrics and the duration of
    refreshes are not included. `length` and `step`, the time between two scrapes, are in seconds.
    """
    statuses = {account.name: _status(account) for account in simulator.accounts}
    families = [*record_families(), *status_families(), *LOOKUP_FAMILIES]
    lookups: defaultdict[str, Statistics] = defaultdict(Statistics)
    for moment, answers in groupby(history(simulator, length / 86400, step), key=lambda answer: answer.moment):
        texts = [text for answer in answers for text in _refreshed(statuses[answer.account], answer, lookups)]
        texts.append(render_record(LOOKUP_FAMILIES, lookups, ""))
        texts += [
            render_record(ACCOUNT_FAMILIES, one, format_labels(("account",), (name,))) for name, one in statuses.items()
        ]
        yield moment, b"".join(merge(families, texts)).decode()


def _status(account: SimulatedAccount) -> AccountStatus:
    """Return the status of an account before its first refresh."""
    endpoints = (*_BY_ENDPOINT, "token") if account.version == "2.0" else tuple(_BY_ENDPOINT)
    collectors = tuple(CollectorStatus(one.name, one.counted_as, up=True) for one in COLLECTORS.values())
    return AccountStatus(account.name, Traffic(), endpoints, collectors)


def _refreshed(
    status: AccountStatus, answer: PastAnswer, lookups: defaultdict[str, Statistics]
) -> Iterator[FamilyTexts]:
    """Apply an endpoint's answer to the account's status, and yield the samples of its collector."""
    status.traffic.requests[answer.endpoint, 200] += 1
    name = _BY_ENDPOINT[answer.endpoint].name
    collector = next(one for one in status.collectors if one.collector == name)
    collector.records, collector.data_time = len(answer.items), answer.moment
    lookups[name].requests += 1
    yield from (_rendered(answer.account, answer.endpoint, msgspec.json.encode(item)) for item in answer.items)
    yield collector.texts(answer.account)


@lru_cache(maxsize=20_000)
def _rendered(account: str, endpoint: str, item: bytes) -> FamilyTexts:
    """Return the samples of an item; the same item occurs at many moments."""
    collector = _BY_ENDPOINT[endpoint]
    record = collector.decode(msgspec.Raw(item), Account(name=account))
    own = [getattr(record, label) for label in collector.labels]
    return render_record(collector.families, record, format_labels(("account", *collector.labels), (account, *own)))
