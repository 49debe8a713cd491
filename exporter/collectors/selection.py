"""Which campaigns of an account are exported: filters by title, age and number. What is left out is counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from exporter.config import CampaignFilter

#: Why a campaign of the answer is not exported.
SKIP_REASONS = ("invalid", "duplicate", "filtered", "too_old", "limit")


class Selectable(Protocol):
    """What the filters read of a campaign."""

    @property
    def title(self) -> str: ...
    @property
    def launch_time(self) -> float | None: ...


Selected = TypeVar("Selected", bound=Selectable)


class Selection(NamedTuple, Generic[Selected]):
    """The campaigns kept, in the API's order, and the number of the others by reason."""

    campaigns: tuple[Selected, ...]
    skipped: Counter[str]


def select(campaigns: Sequence[Selected], wanted: CampaignFilter, now: float) -> Selection[Selected]:
    """Apply the filters in their order: title, age, limit.

    `now` is seconds since the epoch. Pending campaigns and those without a launch date count as new.
    """
    skipped: Counter[str] = Counter()
    kept = [campaign for campaign in campaigns if _matches(campaign.title, wanted)]
    skipped["filtered"] = len(campaigns) - len(kept)
    if wanted.max_age is not None:
        oldest = now - wanted.max_age
        young = [campaign for campaign in kept if _launch(campaign) >= oldest]
        skipped["too_old"] = len(kept) - len(young)
        kept = young
    if wanted.limit is not None and len(kept) > wanted.limit:
        skipped["limit"] = len(kept) - wanted.limit
        newest = {id(campaign) for campaign in sorted(kept, key=_launch, reverse=True)[: wanted.limit]}
        kept = [campaign for campaign in kept if id(campaign) in newest]
    return Selection(tuple(kept), skipped)


def _matches(title: str, wanted: CampaignFilter) -> bool:
    included = not wanted.include or any(pattern.fullmatch(title) for pattern in wanted.include)
    return included and not any(pattern.fullmatch(title) for pattern in wanted.exclude)


def _launch(campaign: Selectable) -> float:
    return math.inf if campaign.launch_time is None else campaign.launch_time
