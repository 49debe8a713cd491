"""The past of a simulator's accounts: what each endpoint would have answered at regular moments until now."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .api import Simulator
from .company import PATHS, Endpoint
from .items import DAY, Item


class PastAnswer(NamedTuple):
    """What an endpoint would have answered to an account at a moment, in seconds since the epoch."""

    moment: float
    account: str
    endpoint: Endpoint
    items: Sequence[Item]


def history(simulator: Simulator, days: float, step: float) -> Iterator[PastAnswer]:
    """Yield every endpoint's answers to every account, moment by moment, up to the simulator's present.

    An item that has not changed since the moment before is the same object, so that what a caller derives from an item
    can be kept until another object takes its place.

    Args:
        simulator: its accounts, seed and present determine the answers.
        days: the length of the history.
        step: seconds between two moments; each moment is a multiple of it.

    Raises:
        ValueError: `days` or `step` is not positive.

    """
    if not (days > 0 and step > 0):
        raise ValueError("the history's length and step must be positive")
    present = simulator.campaign_time
    first, last = math.ceil((present - days * DAY) / step), math.floor(present / step)
    return (
        PastAnswer(number * step, account.name, endpoint, simulator.items(account.name, endpoint, number * step))
        for number in range(first, last + 1)
        for account in simulator.accounts
        for endpoint in PATHS
    )
