"""Simulated training campaigns: a pure function of seed, account, number and time.

Completions grow over time, faster after each weekly reminder, and never fall. All counts of a campaign are consistent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from random import Random
from typing import Any

from .items import DAY, Item, date_text, random_for, secure_id, user_count

#: Days between two launches; fewer if the campaigns would not fit into three years.
_DAYS_BETWEEN = 21.0
_MAX_HISTORY = 3 * 365.0

_TITLES = (
    "Phishing: think before you click",
    "Passwords and passphrases",
    "CEO fraud: pick up the phone",
    "Ransomware: the first five minutes",
    "Working from anywhere, safely",
    "Sensitive data: handle with care",
    "USB sticks and other gifts",
    "Multi-factor authentication",
    "Social engineering at the front desk",
    "Shadow IT",
    "Clean desk, clear screen",
    "Reporting what looks odd",
    "Invoices that are none",
    "Travelling with devices",
    'The "urgent" gift card 🎁',
    "Privacy at work",
)


@dataclass(frozen=True)
class Traits:
    """The parameters of one campaign; rates are shares of users or of completions."""

    secure_id: str
    title: str
    launch: float
    users: int
    reached: float
    pace: float
    correct_option: int
    wrong: tuple[float, float, float]
    stalls_after: float = math.inf
    mailed: bool = True
    custom: bool = False
    older_shape: bool = False
    questions: int = 1

    def completed(self, now: float) -> int:
        """Return the number of users who have completed the campaign."""
        days = min(now - self.launch, self.stalls_after * DAY) / DAY
        if days <= 0 or not self.mailed:
            return 0
        pushed = days + 2.0 * math.floor(days / 7)
        return int(self.users * self.reached * (1 - math.exp(-pushed / self.pace)))

    def spread(self, completed: int) -> dict[int, int]:
        """Return how many of those who completed chose each option."""
        wrong_options = [option for option in range(1, 5) if option != self.correct_option]
        spread = {option: int(completed * share) for option, share in zip(wrong_options, self.wrong, strict=True)}
        spread[self.correct_option] = completed - sum(spread.values())
        return dict(sorted(spread.items()))


@dataclass(frozen=True)
class Queue:
    """The campaigns of one account.

    Attributes:
        size: the number of campaigns.
        began: the start of the simulation, in seconds since the epoch; two campaigns launch later, the others earlier.
        body_size: bytes of each email body.
        older: whether every second campaign has the shape of the vendor's older sample.
    """

    seed: int
    account: str
    size: int
    began: float
    body_size: int = 300
    older: bool = False

    @cached_property
    def campaigns(self) -> tuple[Traits, ...]:
        """The campaigns in the order of their launch."""
        return tuple(_traits(self, number) for number in range(self.size))

    def items(self, now: float) -> Sequence[Item]:
        """Return the items of `data` at a time, in the order of their launch."""
        return [_item(self, traits, now) for traits in self.campaigns]


def _traits(queue: Queue, number: int) -> Traits:
    chance = random_for(queue.seed, queue.account, number)
    from_last = queue.size - 1 - number
    wrong_share = chance.uniform(0.06, 0.4)
    cut = sorted((chance.random(), chance.random()))
    traits = Traits(
        secure_id=secure_id(f"{queue.seed}/{queue.account}/{number}"),
        title=_TITLES[number % len(_TITLES)],
        launch=_launch(queue, from_last),
        users=user_count(queue.seed, queue.account),
        reached=chance.uniform(0.82, 0.98),
        pace=chance.uniform(7, 13),
        correct_option=chance.randint(1, 4),
        wrong=(wrong_share * cut[0], wrong_share * (cut[1] - cut[0]), wrong_share * (1 - cut[1])),
        older_shape=queue.older and number % 2 == 0,
        questions=3 if number % 5 == 3 else 1,
        custom=number % 7 == 4,
    )
    return replace(traits, **_special(from_last, chance))


def _special(from_last: int, chance: Random) -> dict[str, Any]:
    """Return the parameters of campaigns that need attention, counted from the last campaign."""
    changes: dict[int, dict[str, Any]] = {
        2: {"mailed": False},
        3: {"pace": chance.uniform(20, 45), "reached": chance.uniform(0.6, 0.9)},
        4: {"stalls_after": chance.uniform(5, 9), "reached": chance.uniform(0.35, 0.6)},
        5: {"wrong": (0.4, 0.15, 0.1)},
        6: {"title": _TITLES[0]},
    }
    return changes.get(from_last, {})


def _launch(queue: Queue, from_last: int) -> float:
    """Return the launch time: the last two campaigns are pending, the previous one was launched two days ago."""
    days_between = min(_DAYS_BETWEEN, _MAX_HISTORY / max(queue.size, 1))
    days_ago = 2.0 + (from_last - 2) * days_between if from_last >= 2 else -12.0 * (2 - from_last)
    return math.floor(queue.began - days_ago * DAY)


def _item(queue: Queue, traits: Traits, now: float) -> Item:
    completed = traits.completed(now)
    spread = traits.spread(completed)
    correct = spread[traits.correct_option]
    item: Item = {
        "id": traits.secure_id,
        "launchDate": date_text(traits.launch),
        "numSent": traits.users if now >= traits.launch and traits.mailed else 0,
        "numCompleted": completed,
        "locked": now - traits.launch > 180 * DAY,
        "assignToNewUsers": traits.questions == 1,
        "emailCustomized": traits.custom,
        "title": _title(traits, completed, correct),
        "emailMsg": {"subject": traits.title, "body": _body(queue.body_size)},
        "optionSpread": {f"option-{option}": number for option, number in spread.items()},
    }
    if traits.older_shape:
        item["numCorrect"] = correct
    if traits.custom:
        item["customContentId"] = secure_id(f"content of {traits.secure_id}")
        item["customAnswer"] = {"answerNumber": traits.correct_option, "safetyTip": "Look twice.", "correctAnswer": "…"}
    return item


def _title(traits: Traits, completed: int, correct: int) -> Item:
    title: Item = {
        "id": secure_id(f"title of {traits.title}"),
        "title": traits.title,
        "defaultGifs": {"correctGif": "https://media.invalid/yes.gif", "incorrectGif": "https://media.invalid/no.gif"},
    }
    if traits.older_shape:
        return title | {"correctAnswer": traits.correct_option}
    answers = {"forQuestion1": correct}
    for number in range(2, traits.questions + 1):
        answers[f"forQuestion{number}"] = int(completed * (0.95 - 0.13 * number))
    return title | {"titleForCustomerModule": traits.custom, "correctAnswers": answers}


@lru_cache(maxsize=4)
def _body(size: int) -> str:
    words = "<p>Dear colleague, your next training is waiting: it takes three minutes.</p>\n"
    return (words * (size // len(words) + 1))[:size]
