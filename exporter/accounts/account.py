"""Collecting one account: its client, its cache, its last snapshot, and the text of its own metrics.

Here failures of the API become log lines and counts. Knows nothing of HTTP serving.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from exporter.accounts.cache import Backoff, Cache, Clock, Lookup
from exporter.accounts.status import AccountStatus
from exporter.collectors.selection import select
from exporter.config import CampaignFilter
from exporter.exposition.text import FamilyTexts, render_account, render_campaigns
from exporter.mimecast import MimecastClient, MimecastError

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One good answer, ready to be served: the campaigns' text by family, and what is counted of it."""

    texts: FamilyTexts
    campaigns: int
    skipped: Counter[str]
    fetched_at: float


class AccountCollector:
    """One account. Starts no task of its own but the cache's fetch, which nobody's hang-up cancels.

    Args:
        name: the `account` label.
        client: the account's API client.
        backoff: pauses after failures; one for all accounts that share credentials.
        fetching: bounds how many accounts are fetched at once.
        wanted: which campaigns get series.
        ttl, max_stale: seconds, see `Cache`.
        endpoints: the API's endpoints the account calls.
        clock: seconds, monotonic.
        wall_clock: seconds since the epoch.

    """

    def __init__(
        self,
        name: str,
        client: MimecastClient,
        *,
        backoff: Backoff,
        fetching: asyncio.Semaphore,
        wanted: CampaignFilter,
        ttl: float,
        max_stale: float,
        endpoints: tuple[str, ...] = ("get-queue",),
        clock: Clock = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._client = client
        self._fetching = fetching
        self._wanted = wanted
        self._limit_told = False
        self._served: Snapshot | None = None
        self._text: FamilyTexts | None = None
        self._wall_clock = wall_clock
        self._cache = Cache(self._fetch, ttl=ttl, max_stale=max_stale, backoff=backoff, clock=clock)
        self.status = AccountStatus(name, client.traffic, self._cache.statistics, endpoints)

    def begin(self) -> Lookup:
        """Ask for the account's campaigns, see `Cache.begin`."""
        return self._cache.begin()

    def finish(self, lookup: Lookup) -> Snapshot | None:
        """What is served now; the account's status tells the same."""
        entry = self._cache.finish(lookup)
        snapshot = entry.value if entry else None
        if snapshot is not self._served:
            self._served, self._text = snapshot, None
            self.status.campaigns = snapshot.campaigns if snapshot else None
            self.status.skipped = snapshot.skipped if snapshot else Counter()
            self.status.data_time = snapshot.fetched_at if snapshot else None
        return snapshot

    @property
    def text(self) -> FamilyTexts:
        """The account's own metrics that are kept; the same object as long as the text is the same."""
        if self._text is None or self._cache.is_fetching:
            self._text = render_account(self.status)
        return self._text

    async def close(self) -> None:
        """Cancel the fetch that runs."""
        await self._cache.close()

    async def _fetch(self) -> Snapshot:
        try:
            async with self._fetching:
                snapshot = await self._refresh()
        except MimecastError as error:
            self._failed(error.reason, str(error))
            raise
        except Exception:
            log.exception("a refresh failed in a way that was not foreseen", extra={"account": self.name})
            self._failed("api_error", "the exporter failed; its log says where")
            raise
        finally:
            self._text = None
        self.status.up, self.status.reason, self.status.message = True, "", ""
        return snapshot

    async def _refresh(self) -> Snapshot:
        queue = await self._client.get_queue()
        fetched_at = self._wall_clock()
        selection = select(queue.campaigns, self._wanted, fetched_at)
        texts = await render_campaigns(self.name, selection.campaigns)
        if self._served is not None and self._served.texts == texts:
            texts = self._served.texts  # nothing to merge or pack again
        log.info(
            "fetched",
            extra={
                "account": self.name,
                "campaigns": len(selection.campaigns),
                "bytes": queue.size,
                "duration": round(self._client.traffic.last_duration or 0.0, 3),
            },
        )
        self._warn_of_implausible(sum(campaign.answers.implausible for campaign in selection.campaigns))
        self._warn_of_limit(selection.left_out["limit"])
        skipped = Counter({"invalid": queue.invalid, "duplicate": queue.duplicate}) + selection.left_out
        return Snapshot(texts, len(selection.campaigns), skipped, fetched_at)

    def _warn_of_implausible(self, campaigns: int) -> None:
        if campaigns:
            log.warning(
                "title.correctAnswers cannot be what the account's setting correct_answers says; try the other one",
                extra={"account": self.name, "campaigns": campaigns},
            )

    def _warn_of_limit(self, left_out: int) -> None:
        """Say it once, and again only after the limit sufficed in between."""
        if left_out and not self._limit_told:
            log.warning(
                "campaigns.limit leaves out the campaigns launched longest ago",
                extra={"account": self.name, "campaigns": left_out},
            )
        self._limit_told = bool(left_out)

    def _failed(self, reason: str, message: str) -> None:
        """Say it once per change of state; a failure that goes on is worth no second warning."""
        level = logging.DEBUG if reason == self.status.reason else logging.WARNING
        log.log(level, "refresh failed: %s", message, extra={"account": self.name, "reason": reason})
        self.status.failures[reason] += 1
        self.status.up, self.status.reason, self.status.message = False, reason, message
