"""Parts that the simulated answers share: seeded randomness, opaque ids, dates, and items that keep their identity."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Any, Generic, TypeVar

DAY = 86400.0

#: One element of an answer's `data`.
Item = dict[str, Any]
#: What an item depends on beside its number.
State = TypeVar("State")


class LatestItems(Generic[State]):
    """The latest item of each number; an item whose state has not changed is returned as the same object."""

    def __init__(self) -> None:
        self._items: dict[int, tuple[State, Item]] = {}

    def get(self, number: int, state: State, build: Callable[[int, State], Item]) -> Item:
        """Return the item of a number, built again only when its state has changed."""
        known = self._items.get(number)
        if known is None or known[0] != state:
            known = self._items[number] = (state, build(number, state))
        return known[1]


def random_for(*seeds: object) -> Random:
    """Return a random generator that the seeds determine."""
    return Random("/".join(map(str, seeds)))  # noqa: S311 - a simulation, not a secret


@lru_cache(maxsize=10_000)
def user_count(seed: int, account: str) -> int:
    """Return the number of users of an account."""
    return random_for(seed, account).randint(80, 900)


@lru_cache(maxsize=20_000)
def secure_id(text: str) -> str:
    """Return an id like Mimecast's: opaque, about 190 characters, stable."""
    return base64.urlsafe_b64encode(hashlib.shake_256(text.encode()).digest(143)).decode().rstrip("=")


def date_text(moment: float) -> str:
    """Return a date as this API writes it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
