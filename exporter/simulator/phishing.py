"""Simulated phishing simulations: one launch per month, with click rates that fall as training takes effect.

The counts include each other: `numSubmitted <= numClicked <= numOpened <= numSent`. Whether those of the real API do is
not documented.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from .campaigns import Queue
from .items import DAY, Item, date_text, random_for, secure_id, user_count

_MONTH = 30 * DAY
#: Simulations launched before the start of the simulator, the last one five days before.
_LAUNCHED_BEFORE = 12
_SINCE_LAST = 5 * DAY
#: At most ten years of simulations are listed.
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


def simulations(queue: Queue, now: float) -> Sequence[Item]:
    """Return the account's simulations launched so far and the pending one, in the order of their launch."""
    first_launch = queue.began - _SINCE_LAST - (_LAUNCHED_BEFORE - 1) * _MONTH
    pending = max(0, math.floor((now - math.floor(first_launch)) / _MONTH) + 1)
    numbers = range(max(0, pending + 1 - _MAX_LISTED), pending + 1)
    return [_simulation(queue, number, math.floor(first_launch + number * _MONTH), now) for number in numbers]


def _simulation(queue: Queue, number: int, launch: float, now: float) -> Item:
    seed, account = queue.seed, queue.account
    days = (now - launch) / DAY
    own = f"{seed}/{account}/phishing/{number}"
    hard = number == _hard_number(seed, account)
    name = _HARD_NAME if hard else _NAMES[number % len(_NAMES)]
    users, chance = user_count(seed, account), random_for(seed, account, "phishing", number)
    # Shares of users who open the message, click its link and submit the form; it reaches all users over some days.
    clicked = min(0.5, (0.05 + 0.25 * math.exp(-number / 5)) * chance.uniform(0.8, 1.2) * (3 if hard else 1))
    opened = min(0.95, clicked + chance.uniform(0.35, 0.45))
    submitted = clicked * chance.uniform(0.2, 0.45)
    reached = users * (1 - math.exp(-max(0.0, days) / chance.uniform(0.8, 2.0)))
    return {
        "id": secure_id(own),
        "name": name,
        "launchDate": date_text(launch),
        "locked": days >= 60,
        "locale": _LOCALES[number % len(_LOCALES)],
        "timeSlotSelected": f"TZ{1 + number % 4}",
        "numSent": users if days >= 0 else 0,
        "numOpened": int(reached * opened),
        "numClicked": int(reached * clicked),
        "numSubmitted": int(reached * submitted),
        **_personal(own, name, users),
    }


@lru_cache(maxsize=10_000)
def _hard_number(seed: int, account: str) -> int:
    """Return the number of the simulation with an exceptional click rate, one of the last three before the start."""
    return _LAUNCHED_BEFORE - random_for(seed, account, "hard").randint(1, 3)


def _personal(own: str, name: str, users: int) -> Item:
    """Return the fields that can name people, which the exporter must not read."""
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
