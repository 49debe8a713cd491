from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pytest

from exporter.mimecast.answers import CorrectAnswers, interpret

SPREAD = {1: 3, 2: 0, 3: 12, 4: 5}


def read(
    meaning: Literal["count", "option"] = "count",
    *,
    documented: Mapping[int, int] | None = None,
    counted: Mapping[int, int] | None = None,
    custom_option: int | None = None,
    title_option: int | None = None,
    option_counts: Mapping[int, int] | None = None,
    completed: int | None = 20,
    correct: int | None = None,
) -> CorrectAnswers:
    return interpret(
        meaning=meaning,
        documented=documented or {},
        counted=counted or {},
        custom_option=custom_option,
        title_option=title_option,
        option_counts=SPREAD if option_counts is None else option_counts,
        users_completed=completed,
        users_correct=correct,
    )


def test_by_default_the_number_is_a_count() -> None:
    assert read(documented={1: 12, 2: 9}) == CorrectAnswers({1: 12, 2: 9})


def test_with_option_the_number_is_the_answer_key_and_the_count_stands_in_the_spread() -> None:
    assert read("option", documented={1: 3}) == CorrectAnswers({1: 12}, 3)


def test_with_option_questions_other_than_the_first_have_no_count() -> None:
    assert read("option", documented={1: 3, 2: 1}).by_question == {1: 12}


@pytest.mark.parametrize("meaning", ["count", "option"])
def test_a_custom_answer_overrides_the_titles(meaning: Literal["count", "option"]) -> None:
    assert read(meaning, custom_option=4, title_option=1).correct_option == 4
    assert read(meaning, title_option=1).correct_option == 1


@pytest.mark.parametrize("meaning", ["count", "option"])
def test_the_campaigns_own_count_is_always_a_count(meaning: Literal["count", "option"]) -> None:
    assert read(meaning, documented={1: 3}, counted={1: 12}).by_question == {1: 12}


@pytest.mark.parametrize(
    ("why", "answers"),
    [
        ("above the completions", read(documented={1: 21})),
        ("not the campaign's correct users", read(documented={1: 12}, correct=11)),
        ("not the campaign's count of the question", read(documented={1: 12, 2: 5}, counted={2: 4})),
        ("none of the options' counts", read(documented={1: 4})),
        ("none of the options' counts, and just enough have completed", read(documented={1: 4}, completed=10)),
    ],
)
def test_a_count_that_cannot_be_one_is_implausible(why: str, answers: CorrectAnswers) -> None:
    assert answers.implausible, why


@pytest.mark.parametrize(
    ("why", "answers"),
    [
        ("nothing is documented", read()),
        ("nothing is documented, and nobody has completed", read(completed=0)),
        ("all who have completed", read(documented={1: 20}, option_counts={1: 20, 2: 0})),
        ("the campaign counts the same", read(documented={1: 12, 2: 5}, counted={2: 5})),
        ("it is an option's count", read(documented={1: 12}, correct=12, counted={1: 12})),
        ("with several questions options say nothing of one", read(documented={1: 4, 2: 6})),
        ("too few have completed", read(documented={1: 4}, completed=9)),
        ("nothing is known of the options", read(documented={1: 4}, option_counts={})),
        ("nothing is known of completions", read(documented={1: 400}, completed=None)),
    ],
)
def test_a_count_that_can_be_one_is_not(why: str, answers: CorrectAnswers) -> None:
    assert not answers.implausible, why


def test_an_answer_key_that_names_no_option_is_implausible_and_gives_no_count() -> None:
    assert read("option", documented={1: 12}) == CorrectAnswers({}, 12, implausible=True)
