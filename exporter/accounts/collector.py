"""A running collector of one account: its cache, its status, and the rendered samples of both."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from exporter.accounts.backoff import Backoff
from exporter.accounts.cache import Cache, Statistics
from exporter.accounts.clock import Clock
from exporter.accounts.status import CollectorStatus
from exporter.collectors import Collector
from exporter.collectors.selection import records_to_export
from exporter.config import Account, CacheSettings
from exporter.exposition.text import FamilyTexts, format_labels, render_records
from exporter.mimecast import Credentials, MimecastClient, MimecastError

log = logging.getLogger(__name__)

#: Always the same object, so that nothing is merged again.
_NO_TEXTS: FamilyTexts = {}


@dataclass(frozen=True)
class Shared:
    """What accounts with the same credentials and API host share."""

    auth: Credentials
    pauses: Backoff
    #: Limits how many refreshes run at the same time.
    limiters: Mapping[str, AbstractAsyncContextManager[Any]]
    #: Counts the lookups in the caches of each collector.
    lookups: Mapping[str, Statistics]
    clock: Clock
    wall_clock: Clock


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The result of a successful refresh: rendered samples, and counts of records exported and skipped by reason."""

    texts: FamilyTexts
    records: int
    skipped: Counter[str]
    #: Seconds since the epoch.
    fetched_at: float


class RunningCollector:
    """A running collector of one account. `on_refreshed` is called after each refresh."""

    def __init__(
        self,
        collector: Collector[Any],
        account: Account,
        client: MimecastClient,
        cache: CacheSettings,
        *,
        shared: Shared,
        on_refreshed: Callable[[], None],
    ) -> None:
        self._collector = collector
        self._account = account
        self._client = client
        self._shared = shared
        self._on_refreshed = on_refreshed
        self.cache = Cache(
            self._fetch,
            ttl=cache.ttl,
            max_stale=cache.max_stale,
            credentials=shared.pauses,
            statistics=shared.lookups[collector.name],
            clock=shared.clock,
        )
        self.status = CollectorStatus(collector.name, collector.counted_as)
        self._snapshot: Snapshot | None = None
        self._status_texts: FamilyTexts | None = None
        self._notice = ""

    def configure(self, account: Account, client: MimecastClient, cache: CacheSettings) -> None:
        """Apply settings; a change that affects the records expires the data."""
        if (account.campaigns, account.correct_answers) != (self._account.campaigns, self._account.correct_answers):
            self.cache.invalidate()
        self._account, self._client = account, client
        self.cache.ttl, self.cache.max_stale = cache.ttl, cache.max_stale

    def serve(self, snapshot: Snapshot | None) -> FamilyTexts:
        """Update the status to the snapshot being served, and return its samples."""
        if snapshot is not self._snapshot:
            self._snapshot, self._status_texts = snapshot, None
            self.status.records = snapshot.records if snapshot else None
            self.status.skipped = snapshot.skipped if snapshot else Counter()
            self.status.data_time = snapshot.fetched_at if snapshot else None
        return snapshot.texts if snapshot else _NO_TEXTS

    @property
    def status_texts(self) -> FamilyTexts:
        """The samples of the status; the same object until something changes."""
        if self._status_texts is None:
            self._status_texts = self.status.texts(self._account.name)
        return self._status_texts

    async def _fetch(self) -> Snapshot:
        account, client = self._account, self._client
        try:
            async with self._shared.limiters[self._collector.name]:
                return await self._refresh(account, client)
        except MimecastError as error:
            self._failed(error.reason, str(error))
            raise
        except Exception:
            log.exception("unexpected error during a refresh", extra=self._fields())
            self._failed("api_error", "internal error of the exporter: see the traceback in its log")
            raise
        finally:
            self.status.attempted_at = self._shared.wall_clock()
            self._status_texts = None
            self._on_refreshed()

    async def _refresh(self, account: Account, client: MimecastClient) -> Snapshot:
        collector, started = self._collector, self._shared.clock()
        try:
            answer = await client.fetch(collector.endpoint, lambda item: collector.decode(item, account))
        finally:
            self.status.duration = self._shared.clock() - started
        self.status.size = answer.size
        fetched_at = self._shared.wall_clock()
        records, skipped = records_to_export(answer, collector, account, fetched_at)
        prefix = format_labels(("account",), (account.name,))
        texts = await render_records(collector.families, records, prefix, collector.labels)
        if self._snapshot is not None and self._snapshot.texts == texts:
            texts = self._snapshot.texts  # so that nothing is merged or compressed again
        self._succeeded(len(records), skipped, collector.notice(records, account))
        return Snapshot(texts, len(records), skipped, fetched_at)

    def _succeeded(self, records: int, skipped: Counter[str], notice: str) -> None:
        """Record a success; the first one and a recovery are logged at level info, others at debug."""
        level = logging.DEBUG if self.status.up else logging.INFO
        log.log(level, "refreshed", extra=self._fields() | {"records": records, "bytes": self.status.size})
        if skipped["limit"]:
            notice += "; " * bool(notice) + "campaigns.limit excludes the campaigns launched longest ago"
        if notice and notice != self._notice:
            log.warning("%s", notice, extra=self._fields())
        self._notice = notice
        self.status.up, self.status.reason, self.status.message = True, "", ""

    def _failed(self, reason: str, message: str) -> None:
        """Record a failure; one with another reason than the last is logged as a warning, others at level debug."""
        level = logging.DEBUG if reason == self.status.reason else logging.WARNING
        log.log(level, "refresh failed: %s", message, extra=self._fields() | {"reason": reason})
        self.status.failures[reason] += 1
        self.status.up, self.status.reason, self.status.message = False, reason, message

    def _fields(self) -> dict[str, Any]:
        return {"account": self._account.name, "collector": self._collector.name}
