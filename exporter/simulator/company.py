"""What the simulated API knows of one account: the items of each endpoint, as a function of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .campaigns import Queue
from .items import Item
from .phishing import Simulations
from .scores import Performance, Scores

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


class Company:
    """The training, the phishing simulations and the scores of one account."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._simulations = Simulations(queue.seed, queue.account, queue.began)
        self._scores = Scores(queue.seed, queue.account, queue.began)
        self._performance = Performance(queue)

    def items(self, endpoint: Endpoint, now: float) -> Sequence[Item]:
        """Return the `data` of an endpoint at a time; an item that has not changed is the same object as before."""
        if endpoint == "get-queue":
            return list(self._queue.items(now))
        if endpoint == "get-campaign":
            return list(self._simulations.items(now))
        return [self._scores.item(now) if endpoint == "get-safe-score-summary" else self._performance.item(now)]
