"""Simulated company summaries: users by SAFE Score grade, and the performance in training."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from .campaigns import Queue, Traits, correct_of
from .items import DAY, Item, LatestItems, random_for, user_count

#: Shares of users by grade, from a to f, before training takes effect and once it has.
_BEFORE = (0.05, 0.13, 0.30, 0.31, 0.21)
_AFTER = (0.36, 0.37, 0.18, 0.06, 0.03)
_GRADES = "abcdf"
_INCORRECT = tuple(f"num{word}Incorrect" for word in ("Zero", "One", "Two", "Three", "FourOrMore"))


#: The launched campaigns, each with the number of users who have completed it.
_Completed = tuple[tuple[Traits, int], ...]


@dataclass(frozen=True)
class Scores:
    """The SAFE Scores of one account; `began` is the start of the world, in seconds since the epoch."""

    seed: int
    account: str
    began: float
    _latest: LatestItems[tuple[int, ...]] = field(default_factory=LatestItems, init=False, repr=False, compare=False)

    def item(self, now: float) -> Item:
        """Return the users of each grade: from mostly d and f to mostly a and b over half a year, with small swings."""
        users, effect = user_count(self.seed, self.account), self._effect(now)
        shares = [before + (after - before) * effect for before, after in zip(_BEFORE, _AFTER, strict=True)]
        limits = [round(users * share) for share in accumulate(shares, initial=0.0)]
        counts = tuple(high - low for low, high in pairwise(limits))
        return self._latest.get(0, counts, _grades)

    def _effect(self, now: float) -> float:
        chance = random_for(self.seed, self.account, "scores")
        days = (now - self.began) / DAY + chance.uniform(20, 80)
        swing = 0.015 * math.sin(days / 3 + chance.uniform(0, 6))
        return min(1.0, max(0.0, 1 / (1 + math.exp(-days / 40)) + swing))


@dataclass(frozen=True)
class Performance:
    """The performance summary of one account, derived from its training campaigns."""

    queue: Queue
    _latest: LatestItems[_Completed] = field(default_factory=LatestItems, init=False, repr=False, compare=False)

    def item(self, now: float) -> Item:
        """Return the summary at a time; all counts agree with the campaigns and with each other."""
        return self._latest.get(0, tuple(self.queue.launched(now)), self._summary)

    def _summary(self, _: int, launched: _Completed) -> Item:
        return _summary(launched, user_count(self.queue.seed, self.queue.account))


def _grades(_: int, counts: tuple[int, ...]) -> Item:
    return {"scoreCounts": dict(zip(_GRADES, counts, strict=True))}


def _summary(launched: _Completed, users: int) -> Item:
    completed = sum(number for _, number in launched)
    sent = sum(traits.users for traits, _ in launched)
    participating = users - int(users * math.prod(1 - number / users for _, number in launched))
    wrong = completed - sum(correct_of(traits, number) for traits, number in launched)
    return {
        "numParticipating": participating,
        **dict(zip(_INCORRECT, _by_incorrect_answers(participating, wrong), strict=True)),
        "numVideosSent": sent,
        "numVideosNotWatched": sent - completed,
        "departmentCompletionStats": [
            {"department": "Office of Priya Raman", "numCompleted": completed // 3, "numSent": sent // 3},
            {"department": "Team Novak, Brno", "numCompleted": completed - completed // 3, "numSent": sent - sent // 3},
        ],
    }


def _by_incorrect_answers(users: int, wrong: int) -> tuple[int, ...]:
    """Return the users with no, one, two, three and more incorrect answers: a Poisson distribution around the mean."""
    mean = wrong / users if users else 0.0
    shares = [math.exp(-mean) * mean**number / math.factorial(number) for number in range(4)]
    some = [int(users * share) for share in (*shares[1:], 1 - sum(shares))]
    return (users - sum(some), *some)
