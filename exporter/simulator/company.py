"""What the simulated API knows of one account: the items of each endpoint, as a function of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .campaigns import Queue
from .items import Item
from .phishing import simulations
from .scores import performance, scores

#: An endpoint by the last part of its path.
Endpoint = Literal["get-queue", "get-campaign", "get-safe-score-summary", "get-performance-summary"]

_ROOT = "/api/awareness-training"
#: The path of each endpoint.
PATHS: dict[Endpoint, str] = {
    "get-queue": f"{_ROOT}/queue/get-queue",
    "get-campaign": f"{_ROOT}/phishing/campaign/get-campaign",
    "get-safe-score-summary": f"{_ROOT}/company/get-safe-score-summary",
    "get-performance-summary": f"{_ROOT}/company/get-performance-summary",
}


def items_of(queue: Queue, endpoint: Endpoint, now: float) -> Sequence[Item]:
    """Return the `data` of an endpoint at a time, for the account whose campaigns these are."""
    if endpoint == "get-queue":
        return queue.items(now)
    if endpoint == "get-campaign":
        return simulations(queue, now)
    summary = scores(queue, now) if endpoint == "get-safe-score-summary" else performance(queue, now)
    return [summary]
