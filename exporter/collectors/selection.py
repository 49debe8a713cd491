"""Select the records to export: drop duplicates, filter by title, age and number, and count what is left out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from exporter.collectors.base import Collector
from exporter.config import Account, CampaignFilter
from exporter.mimecast import Answer

#: Why a campaign of the answer is not exported.
SKIP_REASONS = ("invalid", "duplicate", "filtered", "too_old", "limit")


def records_to_export(
    answer: Answer[Any], collector: Collector[Any], account: Account, now: float
) -> tuple[tuple[Any, ...], Counter[str]]:
    """Return the records to export without duplicates, and counts of the others by reason.

    Of several records with one identity the first is kept. `now` is seconds since the epoch.
    """
    identity = collector.identity
    unique = {identity(record): record for record in reversed(answer.items)}
    records = tuple(reversed(unique.values()))
    skipped = Counter({"invalid": answer.invalid, "duplicate": len(answer.items) - len(records)})
    if not collector.counted_as:
        return records, skipped
    selected, left_out = select(records, account.campaigns, now)
    return selected, skipped + left_out


def select(campaigns: Sequence[Any], filters: CampaignFilter, now: float) -> tuple[tuple[Any, ...], Counter[str]]:
    """Apply the filters in their order: title, age, limit.

    `now` is seconds since the epoch. Pending campaigns and those without a launch date count as new.
    """
    skipped: Counter[str] = Counter()
    kept = [campaign for campaign in campaigns if _matches(campaign.title, filters)]
    skipped["filtered"] = len(campaigns) - len(kept)
    if filters.max_age is not None:
        oldest = now - filters.max_age
        young = [campaign for campaign in kept if _launch(campaign) >= oldest]
        skipped["too_old"] = len(kept) - len(young)
        kept = young
    if filters.limit is not None and len(kept) > filters.limit:
        skipped["limit"] = len(kept) - filters.limit
        newest = {id(campaign) for campaign in sorted(kept, key=_launch, reverse=True)[: filters.limit]}
        kept = [campaign for campaign in kept if id(campaign) in newest]
    return tuple(kept), skipped


def _matches(title: str, filters: CampaignFilter) -> bool:
    included = not filters.include or any(pattern.fullmatch(title) for pattern in filters.include)
    return included and not any(pattern.fullmatch(title) for pattern in filters.exclude)


def _launch(campaign: Any) -> float:
    return math.inf if campaign.launch_time is None else float(campaign.launch_time)
