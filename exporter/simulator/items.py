"""The endpoints of the simulated API, and what their answers share: seeded randomness, opaque ids and dates."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Any, Literal

DAY = 86400.0

#: One element of an answer's `data`.
Item = dict[str, Any]
#: An endpoint by the last part of its path.
Endpoint = Literal["get-queue", "get-campaign", "get-safe-score-summary", "get-performance-summary"]

_ROOT = "/api/awareness-training"
PATHS: dict[Endpoint, str] = {
    "get-queue": f"{_ROOT}/queue/get-queue",
    "get-campaign": f"{_ROOT}/phishing/campaign/get-campaign",
    "get-safe-score-summary": f"{_ROOT}/company/get-safe-score-summary",
    "get-performance-summary": f"{_ROOT}/company/get-performance-summary",
}


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
    """Return a date in the API's format."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
