"""Interpret the API's numbers about correct answers.

The vendor's page says `title.correctAnswers.forQuestionN` counts users that answered question N correctly. Recordings
of a sibling endpoint show the number of the correct option there. A setting of the account chooses the meaning; this
module applies it and detects values that contradict it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

#: With this many completions, a count that matches no option is implausible.
ENOUGH_COMPLETIONS = 10


class CorrectAnswers(msgspec.Struct, frozen=True, gc=False):
    """The correct answers of a campaign.

    Attributes:
        by_question: question number to users that answered it correctly.
        correct_option: the number of the correct option, if known.
        implausible: whether `title.correctAnswers` contradicts the setting.
    """

    by_question: Mapping[int, int] = {}
    correct_option: int | None = None
    implausible: bool = False


def interpret(
    *,
    meaning: Literal["count", "option"],
    documented: Mapping[int, int],
    counted: Mapping[int, int],
    custom_option: int | None,
    title_option: int | None,
    option_counts: Mapping[int, int],
    users_completed: int | None,
    users_correct: int | None,
) -> CorrectAnswers:
    """Interpret the fields about correct answers by the account's setting.

    Args:
        meaning: `count`: `documented` counts users; `option`: it holds the number of the correct option.
        documented: `title.correctAnswers`, by question.
        counted: the campaign's `numCorrectAnswers`, by question; a count under either setting.
        custom_option: `customAnswer.answerNumber`, which overrides the title's.
        title_option: the older `title.correctAnswer`.
        option_counts: `optionSpread`, by option.
        users_completed: `numCompleted`.
        users_correct: `numCorrect`.
    """
    known_option = custom_option or title_option
    if meaning == "count":
        implausible = _implausible_counts(documented, counted, option_counts, users_completed, users_correct)
        return CorrectAnswers({**documented, **counted}, known_option, implausible)
    key = documented.get(1)
    option = known_option or key or None
    read_off = {1: option_counts[option]} if option is not None and option in option_counts else {}
    impossible = key is not None and bool(option_counts) and key not in option_counts
    return CorrectAnswers({**read_off, **counted}, option, impossible)


def _implausible_counts(
    documented: Mapping[int, int],
    counted: Mapping[int, int],
    option_counts: Mapping[int, int],
    users_completed: int | None,
    users_correct: int | None,
) -> bool:
    if users_completed is not None and max(documented.values(), default=0) > users_completed:
        return True
    if counted and any(counted.get(question, value) != value for question, value in documented.items()):
        return True
    if len(documented) != 1:
        return False
    (value,) = documented.values()
    if users_correct is not None and users_correct != value:
        return True
    enough = users_completed is not None and users_completed >= ENOUGH_COMPLETIONS
    return enough and bool(option_counts) and value not in option_counts.values()
