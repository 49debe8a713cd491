"""The collector `performance`: company-wide training results (`company/get-performance-summary`).

Field names follow the vendor's page; no recording of an answer is public.
"""

from __future__ import annotations

from typing import Any

import msgspec

from exporter.collectors.base import Collector, Family
from exporter.collectors.fields import count, decode_fields
from exporter.config import Account
from exporter.exposition.family import Sample
from exporter.mimecast import Endpoint


class Performance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The training results of one account."""

    participating_users: int | None = None
    videos_sent: int | None = None
    videos_not_watched: int | None = None
    users_by_incorrect_answers: tuple[Sample, ...] = ()


class _Item(msgspec.Struct, rename="camel", gc=False):
    """The fields that are read. `departmentCompletionStats` may name people, and is left out."""

    num_participating: Any = None
    num_zero_incorrect: Any = None
    num_one_incorrect: Any = None
    num_two_incorrect: Any = None
    num_three_incorrect: Any = None
    num_four_or_more_incorrect: Any = None
    num_videos_sent: Any = None
    num_videos_not_watched: Any = None


_decoder = msgspec.json.Decoder(_Item)


def decode(item: bytes | memoryview | msgspec.Raw, _account: Account) -> Performance | None:
    """Return the results of one item of `data`, or None if it is not an object."""
    fields = decode_fields(item, _decoder)
    if fields is None:
        return None
    users = {
        "0": count(fields.num_zero_incorrect),
        "1": count(fields.num_one_incorrect),
        "2": count(fields.num_two_incorrect),
        "3": count(fields.num_three_incorrect),
        "4+": count(fields.num_four_or_more_incorrect),
    }
    return Performance(
        participating_users=count(fields.num_participating),
        videos_sent=count(fields.num_videos_sent),
        videos_not_watched=count(fields.num_videos_not_watched),
        users_by_incorrect_answers=tuple(((label,), number) for label, number in users.items() if number is not None),
    )


PERFORMANCE = Collector(
    name="performance",
    help="Results of company-wide training: participating users, incorrect answers, videos not watched.",
    endpoint=Endpoint("company/get-performance-summary", permission="Awareness Training | Dashboard | Read"),
    decode=decode,
    families=(
        Family(
            "mimecast_awareness_performance_participating_users",
            "Users that take part in company-wide training.",
            lambda performance: performance.participating_users,
            "numParticipating",
        ),
        Family(
            "mimecast_awareness_performance_users_by_incorrect_answers",
            "Users by the number of training videos whose question they answered incorrectly; they may not add up to"
            " the participating users.",
            lambda performance: performance.users_by_incorrect_answers,
            "numZeroIncorrect, numOneIncorrect, numTwoIncorrect, numThreeIncorrect, numFourOrMoreIncorrect",
            labels=("incorrect",),
        ),
        Family(
            "mimecast_awareness_performance_videos_sent",
            "Training videos sent, counted once for each user.",
            lambda performance: performance.videos_sent,
            "numVideosSent",
        ),
        Family(
            "mimecast_awareness_performance_videos_not_watched",
            "Training videos sent that the users have not watched yet.",
            lambda performance: performance.videos_not_watched,
            "numVideosNotWatched",
        ),
    ),
)
