"""Simulated campaigns of many shapes: how completion grows from the launch on. The same seed gives the same campaigns."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

#: The share of people that had completed, by age in days.
Curve = Callable[[float], float]
#: Days from the launch until Mimecast puts who has not completed on its watchlist.
WATCHLIST = 30


@dataclass(frozen=True)
class SimulatedCampaign:
    """One campaign: its shape, its users, and the age in days at which each of those that complete it does so."""

    shape: str
    users: int
    done: tuple[float, ...] = field(repr=False)

    def completed(self, age: float) -> int:
        """Return how many users have completed at an age in days."""
        return sum(at <= age for at in self.done)

    def share(self, age: float) -> float:
        """Return completion at an age in days."""
        return self.completed(age) / self.users


def campaigns(number: int, seed: int) -> list[SimulatedCampaign]:
    """Return campaigns of every shape as often as SHAPES says, with parameters at random."""
    chance = random.Random(seed)
    shapes = [shape for shape, (weight, _) in SHAPES.items() for _ in range(weight)]
    return [_campaign(shapes[index % len(shapes)], chance) for index in range(number)]


def _campaign(shape: str, chance: random.Random) -> SimulatedCampaign:
    curve, users = SHAPES[shape][1](chance), chance.randint(40, 600)
    hours = [hour / 24 for hour in range(60 * 24)]
    shares = list(_never_falling(curve(age) for age in hours))
    done = []
    for _ in range(users):
        mine = chance.random()
        at = next((age for age, share in zip(hours, shares, strict=True) if share > mine), None)
        if at is not None:
            done.append(at)
    return SimulatedCampaign(shape, users, tuple(done))


def _never_falling(shares: Iterator[float]) -> Iterator[float]:
    highest = 0.0
    for share in shares:
        highest = max(highest, min(share, 1.0))
        yield highest


def _saturating(chance: random.Random) -> Curve:
    """Let most complete soon, and ever fewer follow."""
    final, pace = chance.uniform(0.35, 1), chance.uniform(2, 10)
    return lambda age: final * (1 - math.exp(-age / pace))


def _weekly_steps(chance: random.Random) -> Curve:
    """Let a part complete at once; each weekly reminder gets a part of the others."""
    first, each = chance.uniform(0.1, 0.7), chance.uniform(0.05, 0.5)

    def curve(age: float) -> float:
        left = 1 - first * (1 - math.exp(-age))
        for reminder in range(7, int(age) + 1, 7):
            left *= 1 - each * (1 - math.exp(-(age - reminder)))
        return 1 - left

    return curve


def _late_surge(chance: random.Random) -> Curve:
    """Begin slowly, then rush, as when managers are told of the deadline."""
    early, final = chance.uniform(0.1, 0.35), chance.uniform(0.35, 1)
    rush, width = chance.uniform(14, 25), chance.uniform(1, 2.5)
    return lambda age: (
        early * (1 - math.exp(-age / 5)) + (final - early) / (1 + math.exp(-(age - rush) / width)) * (age > rush - 8)
    )


def _weekends_flat(chance: random.Random) -> Curve:
    """Saturating, and nobody completes on Saturday and Sunday."""
    steady, weekday = _saturating(chance), chance.randrange(7)

    def curve(age: float) -> float:
        weeks, rest = divmod(age + weekday, 7)
        before = max(0, weekday - 5) + 0.0
        return steady((weeks * 5 + min(rest, 5) - (weekday - before)) * 7 / 5)

    return curve


def _steady(chance: random.Random) -> Curve:
    """Complete the same number every day."""
    final, days = chance.uniform(0.35, 1), chance.uniform(18, 40)
    return lambda age: final * min(1, age / days)


def _holiday(chance: random.Random) -> Curve:
    """Saturating, with a week or more in which nobody completes."""
    steady, begins, length = _saturating(chance), chance.uniform(2, 15), chance.uniform(6, 10)
    return lambda age: steady(age - min(max(0.0, age - begins), length))


def _dies_out(chance: random.Random) -> Curve:
    """Begin well and end early."""
    final, pace, end = chance.uniform(0.35, 1), chance.uniform(3, 9), chance.uniform(5, 14)
    return lambda age: final * (1 - math.exp(-min(age, end) / pace))


#: Shape: how many of thirteen campaigns have it, and what makes its curve.
SHAPES: dict[str, tuple[int, Callable[[random.Random], Curve]]] = {
    "saturating": (3, _saturating),
    "weekly steps": (3, _weekly_steps),
    "weekends flat": (3, _weekends_flat),
    "late surge": (1, _late_surge),
    "steady": (1, _steady),
    "holiday": (1, _holiday),
    "dies out": (1, _dies_out),
}
