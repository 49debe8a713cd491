"""Merge the samples of accounts by metric family, and cache the result until one of them changes."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

from exporter.accounts.account import RunningAccount
from exporter.accounts.cache import get_all
from exporter.accounts.clock import Clock, monotonic
from exporter.accounts.status import record_families, status_families
from exporter.exposition.compression import CachedBody
from exporter.exposition.family import Family
from exporter.exposition.text import FamilyTexts, Format, merge


class _Merged:
    """A cached merge of texts, repeated when one of them is a new object."""

    def __init__(self) -> None:
        self._texts: Sequence[FamilyTexts] = ()
        self._after: CachedBody | None = None
        self._body: CachedBody | None = None

    def body(
        self,
        families: Sequence[Family[Any]],
        texts: Sequence[FamilyTexts],
        form: Format,
        after: CachedBody | None = None,
    ) -> CachedBody:
        same = len(texts) == len(self._texts) and all(map(operator.is_, texts, self._texts))
        if self._body is None or not same or after is not self._after:
            self._texts, self._after = texts, after
            merged = merge(families, texts, form)
            # Statuses are many small pieces, which would be joined again for each response.
            self._body = CachedBody([b"".join(merged)] if after else merged, after)
        return self._body


class AccountsExposition:
    """The exposition of accounts and of their collectors with these names (None for all), cached between scrapes."""

    def __init__(
        self, accounts: Sequence[RunningAccount], collectors: frozenset[str] | None = None, *, clock: Clock = monotonic
    ) -> None:
        self.accounts = accounts
        self._caches = [running.cache for account in accounts for running in account.collectors.values()]
        self._collectors = [
            running
            for account in accounts
            for name, running in account.collectors.items()
            if collectors is None or name in collectors
        ]
        self._clock = clock
        #: No data and no status changes before this time.
        self._unchanged_until = -math.inf
        self._records = _Merged()
        self._statuses: dict[Format, _Merged] = {"text": _Merged(), "openmetrics": _Merged()}
        self._record_texts: list[FamilyTexts] = []
        self._bodies: dict[Format, CachedBody] = {}

    async def refresh(self, timeout: float) -> None:
        """Refresh expired data, waiting at most `timeout` seconds."""
        if self._clock() < self._unchanged_until:
            for running in self._collectors:
                running.cache.count_hit()
            return
        snapshots = await get_all([running.cache for running in self._collectors], timeout)
        self._record_texts = [
            running.serve(snapshot) for running, snapshot in zip(self._collectors, snapshots, strict=True)
        ]
        self._bodies.clear()
        self._unchanged_until = min((cache.fresh_until for cache in self._caches), default=-math.inf)

    def body(self, form: Format) -> CachedBody:
        """Return the records and statuses as of the last refresh; the same object until something changes."""
        if form not in self._bodies:
            # The records' text is the same in both formats, as they are all gauges.
            records = self._records.body(record_families(), self._record_texts, "text")
            texts = [account.status_texts for account in self.accounts]
            texts += [running.status_texts for running in self._collectors]
            self._bodies[form] = self._statuses[form].body(status_families(), texts, form, records)
        return self._bodies[form]
