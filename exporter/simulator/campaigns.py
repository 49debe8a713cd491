"""Believable campaigns: a pure function of seed, account, number and time.

The same arguments give the same answer; as time passes completions grow, as they do where people are reminded once a
week, and never fall. Every count is consistent with the others, as the documented API's would be.
"""

from __future__ import annotations

import base64
import hashlib
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

DAY = 86400.0
#: Days between two launches, unless there are so many that three years would not hold them.
_RHYTHM = 21.0
_LONGEST_HISTORY = 3 * 365.0

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
    """What does not change about a campaign; rates are shares of users or of completions."""

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


@dataclass(frozen=True)
class Queue:
    """The campaigns of one account.

    Attributes:
        seed, account: what they are made of.
        size: how many.
        began: the time they are arranged around, seconds since the epoch: most launched before, two launch after.
        body_size: bytes of each mail body.
        older: every second campaign in the shape of the vendor's older sample.
        answer_key: `title.correctAnswers` holds the number of the correct option instead of a count.

    """

    seed: int
    account: str
    size: int
    began: float
    body_size: int = 300
    older: bool = False
    answer_key: bool = False

    def items(self, now: float, first: int = 0, last: int | None = None) -> Iterator[dict[str, Any]]:
        """The items of `data` at a time, in the order of their launch."""
        for number in range(first, self.size if last is None else min(last, self.size)):
            yield _item(_traits(self, number), now, self)


@lru_cache(maxsize=20_000)
def _traits(queue: Queue, number: int) -> Traits:
    chance = random.Random(f"{queue.seed}/{queue.account}/{number}")  # noqa: S311 - a simulation, not a secret
    from_last = queue.size - 1 - number
    wrong_share = chance.uniform(0.06, 0.4)
    cut = sorted((chance.random(), chance.random()))
    traits = Traits(
        secure_id=_secure_id(f"{queue.seed}/{queue.account}/{number}"),
        title=_TITLES[number % len(_TITLES)],
        launch=_launch(queue, from_last),
        users=random.Random(f"{queue.seed}/{queue.account}").randint(80, 900),  # noqa: S311 - likewise
        reached=chance.uniform(0.82, 0.98),
        pace=chance.uniform(7, 13),
        correct_option=chance.randint(1, 4),
        wrong=(wrong_share * cut[0], wrong_share * (cut[1] - cut[0]), wrong_share * (1 - cut[1])),
        older_shape=queue.older and number % 2 == 0,
        questions=3 if number % 5 == 3 else 1,
        custom=number % 7 == 4,
    )
    return _special(traits, from_last, chance)


def _special(traits: Traits, from_last: int, chance: random.Random) -> Traits:
    """Campaigns that somebody should look at, by their place before the last."""
    changes: dict[int, dict[str, Any]] = {
        2: {"mailed": False},
        3: {"pace": chance.uniform(20, 45), "reached": chance.uniform(0.6, 0.9)},
        4: {"stalls_after": chance.uniform(5, 9), "reached": chance.uniform(0.35, 0.6)},
        5: {"wrong": (0.4, 0.15, 0.1)},
        6: {"title": _TITLES[0]},
    }
    values = {name: getattr(traits, name) for name in Traits.__dataclass_fields__}
    return Traits(**(values | changes.get(from_last, {})))


def _launch(queue: Queue, from_last: int) -> float:
    """Two campaigns are pending; the one before them was launched two days ago, the others before that."""
    rhythm = min(_RHYTHM, _LONGEST_HISTORY / max(queue.size, 1))
    days_ago = 2.0 + (from_last - 2) * rhythm if from_last >= 2 else -12.0 * (2 - from_last)
    return math.floor(queue.began - days_ago * DAY)


@lru_cache(maxsize=20_000)
def _secure_id(text: str) -> str:
    """Opaque, about 190 characters, stable, as Mimecast's are."""
    return base64.urlsafe_b64encode(hashlib.shake_256(text.encode()).digest(143)).decode().rstrip("=")


def completed_by(traits: Traits, now: float) -> int:
    """Users that have completed: quickly at first, with a push at each weekly reminder, and never fewer."""
    days = min(now - traits.launch, traits.stalls_after * DAY) / DAY
    if days <= 0 or not traits.mailed:
        return 0
    pushed = days + 2.0 * math.floor(days / 7)
    return int(traits.users * traits.reached * (1 - math.exp(-pushed / traits.pace)))


def _item(traits: Traits, now: float, queue: Queue) -> dict[str, Any]:
    launched = now >= traits.launch
    completed = completed_by(traits, now)
    spread = _spread(traits, completed)
    correct = spread[traits.correct_option]
    item: dict[str, Any] = {
        "id": traits.secure_id,
        "launchDate": datetime.fromtimestamp(traits.launch, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "numSent": traits.users if launched and traits.mailed else 0,
        "numCompleted": completed,
        "locked": now - traits.launch > 180 * DAY,
        "assignToNewUsers": traits.questions == 1,
        "emailCustomized": traits.custom,
        "title": _title(traits, completed, correct, queue),
        "emailMsg": {"subject": traits.title, "body": _body(queue.body_size)},
        "optionSpread": {f"option-{option}": number for option, number in spread.items()},
    }
    if traits.older_shape:
        item["numCorrect"] = correct
    if traits.custom:
        item["customContentId"] = _secure_id(f"content of {traits.secure_id}")
        item["customAnswer"] = {"answerNumber": traits.correct_option, "safetyTip": "Look twice.", "correctAnswer": "…"}
    return item


def _title(traits: Traits, completed: int, correct: int, queue: Queue) -> dict[str, Any]:
    title: dict[str, Any] = {
        "id": _secure_id(f"title of {traits.title}"),
        "title": traits.title,
        "defaultGifs": {"correctGif": "https://media.invalid/yes.gif", "incorrectGif": "https://media.invalid/no.gif"},
    }
    if traits.older_shape:
        return title | {"correctAnswer": traits.correct_option}
    others = {
        f"forQuestion{number}": int(completed * (0.95 - 0.13 * number)) for number in range(2, traits.questions + 1)
    }
    answers = {"forQuestion1": traits.correct_option if queue.answer_key else correct}
    return title | {"titleForCustomerModule": traits.custom, "correctAnswers": answers | others}


def _spread(traits: Traits, completed: int) -> dict[int, int]:
    wrong_options = [option for option in range(1, 5) if option != traits.correct_option]
    spread = {option: int(completed * share) for option, share in zip(wrong_options, traits.wrong, strict=True)}
    spread[traits.correct_option] = completed - sum(spread.values())
    return dict(sorted(spread.items()))


@lru_cache(maxsize=4)
def _body(size: int) -> str:
    words = "<p>Dear colleague, your next training is waiting: it takes three minutes.</p>\n"
    return (words * (size // len(words) + 1))[:size]
