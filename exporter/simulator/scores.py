"""Simulated company summaries: users by SAFE Score grade, and the performance in training."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise

from .campaigns import Queue
from .items import DAY, Item, random_for, user_count

#: Shares of users by grade, from a to f, before and after training takes effect.
_BEFORE = (0.05, 0.13, 0.30, 0.31, 0.21)
_AFTER = (0.36, 0.37, 0.18, 0.06, 0.03)
_GRADES = "abcdf"
_INCORRECT = tuple(f"num{word}Incorrect" for word in ("Zero", "One", "Two", "Three", "FourOrMore"))


def scores(queue: Queue, now: float) -> Item:
    """Return users by grade, which move from mostly d and f to mostly a and b over half a year."""
    users, effect = user_count(queue.seed, queue.account), _effect(queue, now)
    shares = [before + (after - before) * effect for before, after in zip(_BEFORE, _AFTER, strict=True)]
    limits = [round(users * share) for share in accumulate(shares, initial=0.0)]
    counts = [high - low for low, high in pairwise(limits)]
    return {"scoreCounts": dict(zip(_GRADES, counts, strict=True))}


def _effect(queue: Queue, now: float) -> float:
    """Return the effect of training, from 0 to 1."""
    chance = random_for(queue.seed, queue.account, "scores")
    days = (now - queue.began) / DAY + chance.uniform(20, 80)
    swing = 0.015 * math.sin(days / 3 + chance.uniform(0, 6))
    return min(1.0, max(0.0, 1 / (1 + math.exp(-days / 40)) + swing))


def performance(queue: Queue, now: float) -> Item:
    """Return the performance summary at a time, consistent with the campaigns."""
    launched = [traits for traits in queue.campaigns if traits.mailed and now >= traits.launch]
    completions = [traits.completed(now) for traits in launched]
    users = user_count(queue.seed, queue.account)
    completed, sent = sum(completions), users * len(launched)
    participating = users - int(users * math.prod(1 - number / users for number in completions))
    correct = [
        traits.spread(number)[traits.correct_option] for traits, number in zip(launched, completions, strict=True)
    ]
    return {
        "numParticipating": participating,
        **dict(zip(_INCORRECT, _by_incorrect_answers(participating, completed - sum(correct)), strict=True)),
        "numVideosSent": sent,
        "numVideosNotWatched": sent - completed,
        "departmentCompletionStats": [
            {"department": "Office of Priya Raman", "numCompleted": completed // 3, "numSent": sent // 3},
            {"department": "Team Novak, Brno", "numCompleted": completed - completed // 3, "numSent": sent - sent // 3},
        ],
    }


def _by_incorrect_answers(users: int, wrong: int) -> tuple[int, ...]:
    """Return the users with 0, 1, 2, 3 and more incorrect answers, in a Poisson distribution."""
    mean = wrong / users if users else 0.0
    shares = [math.exp(-mean) * mean**number / math.factorial(number) for number in range(4)]
    some = [int(users * share) for share in (*shares[1:], 1 - sum(shares))]
    return (users - sum(some), *some)
