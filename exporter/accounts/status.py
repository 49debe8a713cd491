"""The status of accounts and collectors, which the status metrics and the landing page show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.accounts.cache import Statistics
from exporter.collectors import COLLECTORS
from exporter.collectors.selection import SKIP_REASONS
from exporter.exposition.family import Family, Sample
from exporter.exposition.text import FamilyTexts, format_labels, render_record
from exporter.mimecast import REASONS, Traffic


@dataclass
class CollectorStatus:
    """The status of one collector of one account; times are seconds since the epoch.

    Attributes:
        up: whether the last completed refresh succeeded; False before the first.
        reason: why the last completed refresh failed; empty after a success.
        message: the failure as a sentence that says what to do.
        failures: failed refreshes by reason, every reason present.
        duration: seconds that the last refresh took.
        size: decompressed bytes of the last complete answer.
        attempted_at: when the last refresh ended.
        data_time: when the data being served was fetched; None if no data is served.
    """

    collector: str
    counted_as: str = ""
    up: bool = False
    reason: str = ""
    message: str = ""
    failures: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(REASONS, 0)))
    duration: float | None = None
    size: int | None = None
    attempted_at: float | None = None
    data_time: float | None = None
    records: int | None = None
    skipped: Counter[str] = field(default_factory=Counter)

    def texts(self, account: str) -> FamilyTexts:
        """Return the samples that change with a refresh."""
        labels = format_labels(("account", "collector"), (account, self.collector))
        texts = dict(render_record(COLLECTOR_FAMILIES, self, labels))
        if self.counted_as:
            texts |= render_record(count_families(self.counted_as), self, format_labels(("account",), (account,)))
        return texts


@dataclass
class AccountStatus:
    """The status of one account; `endpoints` are the names of those that its collectors call."""

    account: str
    traffic: Traffic
    endpoints: tuple[str, ...]
    collectors: tuple[CollectorStatus, ...]

    @property
    def up(self) -> bool:
        """Whether the last completed refresh of every enabled collector succeeded."""
        return all(collector.up for collector in self.collectors)


def _requests(status: AccountStatus) -> Iterable[Sample]:
    counted = dict.fromkeys(((endpoint, 200) for endpoint in status.endpoints), 0) | dict(status.traffic.requests)
    return [((endpoint, "none" if code is None else str(code)), number) for (endpoint, code), number in counted.items()]


#: Metrics of an account, label `account`.
ACCOUNT_FAMILIES: tuple[Family[AccountStatus], ...] = (
    Family(
        "mimecast_up",
        "Whether the last completed refresh of every enabled collector succeeded (1) or not (0); 0 before the first.",
        lambda status: status.up,
    ),
    Family(
        "mimecast_api_requests_total",
        "Requests to the API by endpoint and HTTP status; the code is none if no response arrived.",
        _requests,
        type="counter",
        labels=("endpoint", "code"),
    ),
    Family(
        "mimecast_api_rate_limit",
        "Calls that the API allows in each rate limit window.",
        lambda status: status.traffic.rate_limit,
    ),
    Family(
        "mimecast_api_rate_limit_remaining",
        "Calls left in the current rate limit window.",
        lambda status: status.traffic.rate_limit_remaining,
    ),
    Family(
        "mimecast_api_rate_limit_reset_timestamp_seconds",
        "When the current rate limit window ends, in seconds since the epoch.",
        lambda status: status.traffic.rate_limit_reset_time,
    ),
    Family(
        "mimecast_api_clock_skew_seconds",
        "The API's clock minus the exporter's, to the second.",
        lambda status: status.traffic.clock_skew,
    ),
)

#: Metrics of a collector, labels `account` and `collector`, that change with a refresh or with the data being served.
COLLECTOR_FAMILIES: tuple[Family[CollectorStatus], ...] = (
    Family(
        "mimecast_collector_up",
        "Whether the collector's last completed refresh succeeded (1) or not (0); 0 before the first.",
        lambda status: status.up,
    ),
    Family(
        "mimecast_data_timestamp_seconds",
        "When the data being served was fetched, in seconds since the epoch.",
        lambda status: status.data_time,
    ),
    Family(
        "mimecast_refresh_failures_total",
        "Refreshes that failed, by reason.",
        lambda status: [((reason,), number) for reason, number in status.failures.items()],
        type="counter",
        labels=("reason",),
    ),
    Family(
        "mimecast_refresh_duration_seconds",
        "Duration of the last refresh, including the access token and every page.",
        lambda status: status.duration,
    ),
    Family(
        "mimecast_response_size_bytes",
        "Decompressed size of the last complete response, all pages.",
        lambda status: status.size,
    ),
)

#: Counters that change with every scrape, by collector: of all accounts together, so that a scrape renders few of them.
LOOKUP_FAMILIES: tuple[Family[Mapping[str, Statistics]], ...] = (
    Family(
        "mimecast_cache_requests_total",
        "Cache lookups; each scrape makes one per account.",
        lambda lookups: [((collector,), counted.requests) for collector, counted in lookups.items()],
        type="counter",
        labels=("collector",),
    ),
    Family(
        "mimecast_cache_hits_total",
        "Cache lookups answered within the time to live.",
        lambda lookups: [((collector,), counted.hits) for collector, counted in lookups.items()],
        type="counter",
        labels=("collector",),
    ),
    Family(
        "mimecast_cache_stale_served_total",
        "Cache lookups answered with data older than the time to live.",
        lambda lookups: [((collector,), counted.stale_served) for collector, counted in lookups.items()],
        type="counter",
        labels=("collector",),
    ),
)


def count_families(counted_as: str) -> tuple[Family[CollectorStatus], ...]:
    """Return the families that count a collector's records, label `account`."""
    return (
        Family(counted_as, "Campaigns that are exported.", lambda status: status.records),
        Family(
            f"{counted_as}_skipped",
            "Campaigns in the API's response that are not exported, by reason.",
            _skipped,
            labels=("reason",),
        ),
    )


def _skipped(status: CollectorStatus) -> Iterable[Sample]:
    return () if status.records is None else [((reason,), status.skipped[reason]) for reason in SKIP_REASONS]


def record_families() -> list[Family[Any]]:
    """Return the families of every collector's records, in the order of the exposition."""
    return [family for collector in COLLECTORS.values() for family in collector.families]


def status_families() -> list[Family[Any]]:
    """Return the status families of accounts and collectors that change with a refresh."""
    counted = [collector.counted_as for collector in COLLECTORS.values() if collector.counted_as]
    counts = [family for name in counted for family in count_families(name)]
    return [*ACCOUNT_FAMILIES, *COLLECTOR_FAMILIES, *counts]


def reserved_labels() -> frozenset[str]:
    """Return the labels of all metrics of an account, which its target labels must not repeat."""
    own = [label for family in (*record_families(), *status_families()) for label in family.labels]
    return frozenset({"account", "collector", *own, *(label for one in COLLECTORS.values() for label in one.labels)})
