"""What is known of one account: the facts behind its metrics and its row on the landing page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from exporter.accounts.cache import Statistics
from exporter.mimecast import REASONS, Traffic

#: Why a campaign of the queue has no series.
SKIP_REASONS = ("invalid", "duplicate", "filtered", "too_old", "limit")


@dataclass
class AccountStatus:
    """One account as it stands.

    Attributes:
        account: its name, the `account` label.
        endpoints: the API's endpoints it calls.
        up: the last completed refresh succeeded; False before the first.
        reason: why the last completed refresh failed, empty where it did not.
        message: the same in a sentence that says what to do.
        failures: failed refreshes by reason, every reason present.
        campaigns: series-bearing campaigns of the data being served, None where none is served.
        skipped: campaigns of that data without series, by reason.
        data_time: when that data was fetched, seconds since the epoch.

    """

    account: str
    traffic: Traffic
    cache: Statistics
    endpoints: tuple[str, ...] = ("get-queue",)
    up: bool = False
    reason: str = ""
    message: str = ""
    failures: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(REASONS, 0)))
    campaigns: int | None = None
    skipped: Counter[str] = field(default_factory=Counter)
    data_time: float | None = None
