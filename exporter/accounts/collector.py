"""One collector of one account as it runs: its cache, its status, and the text of both."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from exporter.accounts.backoff import Backoff
from exporter.accounts.cache import Cache
from exporter.accounts.clock import Clock
from exporter.accounts.status import CollectorStatus
from exporter.collectors import Collector
from exporter.collectors.selection import records_to_export
from exporter.config import Account, CacheSettings
from exporter.exposition.text import FamilyTexts, format_labels, render_records
from exporter.mimecast import Credentials, MimecastClient, MimecastError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shared:
    """What accounts share that use the same credentials at the same host.

    Attributes:
        auth: how they authenticate.
        pauses: their pauses after refused credentials.
        limiter: bounds how many refreshes run at once.
        clock: seconds, monotonic.
        wall_clock: seconds since the epoch.

    """

    auth: Credentials
    pauses: Backoff
    limiter: AbstractAsyncContextManager[Any]
    clock: Clock
    wall_clock: Clock


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One good answer, ready to be served.

    Attributes:
        texts: the records' samples by family.
        records: how many records are exported.
        skipped: those that are not, by reason.
        fetched_at: seconds since the epoch.

    """

    texts: FamilyTexts
    records: int
    skipped: Counter[str]
    fetched_at: float


class RunningCollector:
    """One collector of one account. It starts no task but the cache's refresh.

    Args:
        collector: its entry in the table.
        account: the account's settings.
        client: the account's API client.
        cache: time to live and staleness.
        shared: what it shares with other collectors.
        on_refreshed: called after each refresh.

    """

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
            self._fetch, ttl=cache.ttl, max_stale=cache.max_stale, credentials=shared.pauses, clock=shared.clock
        )
        self.status = CollectorStatus(collector.name, self.cache.statistics, collector.counted_as)
        self.labels = self.status.labels(account.name)
        self._snapshot: Snapshot | None = None
        self._status_texts: FamilyTexts | None = None
        self._notice = ""

    def configure(self, account: Account, client: MimecastClient, cache: CacheSettings) -> None:
        """Take new settings into use; what changes the records makes the data due for a refresh."""
        if (account.campaigns, account.correct_answers) != (self._account.campaigns, self._account.correct_answers):
            self.cache.invalidate()
        self._account, self._client = account, client
        self.cache.ttl, self.cache.max_stale = cache.ttl, cache.max_stale

    def serve(self, snapshot: Snapshot | None) -> FamilyTexts:
        """Make the snapshot the one that the status speaks of, and return its samples."""
        if snapshot is not self._snapshot:
            self._snapshot, self._status_texts = snapshot, None
            self.status.records = snapshot.records if snapshot else None
            self.status.skipped = snapshot.skipped if snapshot else Counter()
            self.status.data_time = snapshot.fetched_at if snapshot else None
        return snapshot.texts if snapshot else {}

    @property
    def status_texts(self) -> FamilyTexts:
        """The samples of the status; the same object as long as nothing changed."""
        if self._status_texts is None:
            self._status_texts = self.status.texts(self._account.name)
        return self._status_texts

    async def _fetch(self) -> Snapshot:
        account, client = self._account, self._client
        try:
            async with self._shared.limiter:
                return await self._refresh(account, client)
        except MimecastError as error:
            self._failed(error.reason, str(error))
            raise
        except Exception:
            log.exception("unexpected error during a refresh", extra=self._fields())
            self._failed("api_error", "the exporter failed; see the traceback in its log")
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
        """Log a first success and a recovery; the success that follows a success is worth a debug line only."""
        level = logging.DEBUG if self.status.up else logging.INFO
        log.log(level, "refreshed", extra=self._fields() | {"records": records, "bytes": self.status.size})
        if skipped["limit"]:
            notice += "; " * bool(notice) + "campaigns.limit leaves out the campaigns launched longest ago"
        if notice and notice != self._notice:
            log.warning("%s", notice, extra=self._fields())
        self._notice = notice
        self.status.up, self.status.reason, self.status.message = True, "", ""

    def _failed(self, reason: str, message: str) -> None:
        """Log a failure once; one that continues for the same reason is worth a debug line only."""
        level = logging.DEBUG if reason == self.status.reason else logging.WARNING
        log.log(level, "refresh failed: %s", message, extra=self._fields() | {"reason": reason})
        self.status.failures[reason] += 1
        self.status.up, self.status.reason, self.status.message = False, reason, message

    def _fields(self) -> dict[str, Any]:
        return {"account": self._account.name, "collector": self._collector.name}
