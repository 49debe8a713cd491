"""Simulated phishing simulations: one launch a month, with click rates that fall as training takes effect.

Each count holds every user who got that far, so that `numSubmitted <= numClicked <= numOpened <= numSent`. Whether the
real API counts like this is not documented.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from .items import DAY, Item, LatestItems, date_text, random_for, secure_id, user_count

_MONTH = 30 * DAY
#: Simulations that launched before the start of the world; the last of them five days before it.
_LAUNCHED_BEFORE = 12
_SINCE_LAST = 5 * DAY
#: The API lists at most ten years of simulations.
_MAX_LISTED = 120

_NAMES = (
    "Parcel held at customs",
    "Your mailbox is almost full",
    "Invoice overdue",
    "Shared document: bonus plan",
    "Password expires today",
    "Missed call from the bank",
    "New benefits portal",
    "Unusual sign-in",
    "Travel expenses rejected",
    "Survey: working from home",
    "Updated holiday calendar",
    "Signature required",
)
_HARD_NAME = "Urgent request from the CEO"
_LOCALES = ("en", "en", "en", "de", "fr")


class Rates(NamedTuple):
    """Shares of users who open the message, click its link and submit the form, and the days that this takes."""

    opened: float
    clicked: float
    submitted: float
    pace: float


class State(NamedTuple):
    """What changes about a simulation."""

    locked: bool
    sent: int
    opened: int
    clicked: int
    submitted: int


@dataclass(frozen=True)
class Simulations:
    """The phishing simulations of one account.

    Attributes:
        seed, account: determine every simulation.
        began: the start of the world, in seconds since the epoch.

    """

    seed: int
    account: str
    began: float
    _latest: LatestItems[State] = field(default_factory=LatestItems, init=False, repr=False, compare=False)

    def items(self, now: float) -> Iterator[Item]:
        """Yield the simulations launched so far and the pending one, in the order of their launch.

        An item that has not changed since the last call is the same object.
        """
        pending = max(0, math.floor((now - self._launch(0)) / _MONTH) + 1)
        for number in range(max(0, pending + 1 - _MAX_LISTED), pending + 1):
            days = (now - self._launch(number)) / DAY
            yield self._latest.get(number, self._state(number, days), self._item)

    def _launch(self, number: int) -> float:
        return math.floor(self.began - _SINCE_LAST + (number - _LAUNCHED_BEFORE + 1) * _MONTH)

    def _state(self, number: int, days: float) -> State:
        if days < 0:
            return State(False, 0, 0, 0, 0)
        users, rates = user_count(self.seed, self.account), _rates(self.seed, self.account, number)
        reached = users * (1 - math.exp(-days / rates.pace))
        counts = (int(reached * share) for share in (rates.opened, rates.clicked, rates.submitted))
        return State(days >= 60, users, *counts)

    def _item(self, number: int, state: State) -> Item:
        own = f"{self.seed}/{self.account}/phishing/{number}"
        name = _HARD_NAME if number == _hard_number(self.seed, self.account) else _NAMES[number % len(_NAMES)]
        return {
            "id": secure_id(own),
            "name": name,
            "launchDate": date_text(self._launch(number)),
            "locked": state.locked,
            "locale": _LOCALES[number % len(_LOCALES)],
            "timeSlotSelected": f"TZ{1 + number % 4}",
            "numSent": state.sent,
            "numOpened": state.opened,
            "numClicked": state.clicked,
            "numSubmitted": state.submitted,
            **_personal(own, name, user_count(self.seed, self.account)),
        }


@lru_cache(maxsize=20_000)
def _rates(seed: int, account: str, number: int) -> Rates:
    chance = random_for(seed, account, "phishing", number)
    hard = 3.0 if number == _hard_number(seed, account) else 1.0
    clicked = min(0.5, (0.05 + 0.25 * math.exp(-number / 5)) * chance.uniform(0.8, 1.2) * hard)
    opened = min(0.95, clicked + chance.uniform(0.35, 0.45))
    submitted = clicked * chance.uniform(0.2, 0.45)
    return Rates(opened, clicked, submitted, pace=chance.uniform(0.8, 2.0))


@lru_cache(maxsize=10_000)
def _hard_number(seed: int, account: str) -> int:
    """Return the simulation that far more users fall for: one of the last three before the start of the world."""
    return _LAUNCHED_BEFORE - random_for(seed, account, "hard").randint(1, 3)


def _personal(own: str, name: str, users: int) -> Item:
    """Return the fields that name people, or may; an exporter of metrics must not read them."""
    return {
        "sender": {"name": "Dana Whitfield", "email": "dana.whitfield@payroll.example"},
        "group": {
            "id": secure_id(f"group of {own}"),
            "description": "Everyone who reports to Priya Raman",
            "source": "ldap",
            "parentId": secure_id(f"parent of {own}"),
            "userCount": users,
            "folderCount": 0,
        },
        "templates": [{"id": secure_id(f"template of {own}"), "displayTitle": f"{name}, signed by Marek Novak"}],
    }
