"""Which campaigns of an account get series: filters by title, age and number. Pure; what is left out is counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.config import CampaignFilter
from exporter.mimecast import Campaign


@dataclass(frozen=True)
class Selection:
    """The campaigns kept, in the API's order, and the number of the others by reason."""

    campaigns: tuple[Campaign, ...]
    left_out: Counter[str]


def select(campaigns: Sequence[Campaign], wanted: CampaignFilter, now: float) -> Selection:
    """Apply the filters in their order: titles, then age, then the limit.

    `now` is seconds since the epoch. Pending campaigns and those without a launch date are as young as can be.
    """
    left_out: Counter[str] = Counter()
    kept = [campaign for campaign in campaigns if _title_wanted(campaign.title, wanted)]
    left_out["filtered"] = len(campaigns) - len(kept)
    if wanted.max_age is not None:
        oldest = now - wanted.max_age
        young = [campaign for campaign in kept if _launch(campaign) >= oldest]
        left_out["too_old"] = len(kept) - len(young)
        kept = young
    if wanted.limit is not None and len(kept) > wanted.limit:
        left_out["limit"] = len(kept) - wanted.limit
        newest = {id(campaign) for campaign in sorted(kept, key=_launch, reverse=True)[: wanted.limit]}
        kept = [campaign for campaign in kept if id(campaign) in newest]
    return Selection(tuple(kept), left_out)


def _title_wanted(title: str, wanted: CampaignFilter) -> bool:
    included = not wanted.include or any(pattern.fullmatch(title) for pattern in wanted.include)
    return included and not any(pattern.fullmatch(title) for pattern in wanted.exclude)


def _launch(campaign: Campaign) -> float:
    return math.inf if campaign.launch_time is None else campaign.launch_time
