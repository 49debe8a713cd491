"""The two shapes in which the vendor documents an item of get-queue, with numbers a reader can follow."""

from __future__ import annotations

from typing import Any

#: The older edition of the vendor's page, which still has its sample.
OLDER: dict[str, Any] = {
    "id": "b2xkZXItc2FtcGxl",
    "launchDate": "2022-01-11T23:32:00+0000",
    "numSent": 5,
    "numCompleted": 5,
    "numCorrect": 4,
    "locked": True,
    "assignToNewUsers": True,
    "emailCustomized": True,
    "customContentId": "Y3VzdG9tLWNvbnRlbnQ",
    "title": {
        "id": "dGl0bGU",
        "title": "Older sample",
        "correctAnswer": 1,
        "defaultGifs": {"correctGif": "https://example.test/yes.gif", "incorrectGif": "https://example.test/no.gif"},
    },
    "customGifs": {"correctGif": "https://example.test/yes.gif", "incorrectGif": "https://example.test/no.gif"},
    "customAnswer": {"answerNumber": 3, "safetyTip": "Look twice.", "correctAnswer": "Report it"},
    "emailMsg": {"subject": "Your training", "body": "<p>Dear Pat Example, please watch.</p>"},
    "optionSpread": {"option-1": 1, "option-2": 0, "option-3": 4, "option-4": 0},
}

#: The fields of the newer page.
NEWER: dict[str, Any] = {
    "id": "bmV3ZXItc2FtcGxl",
    "launchDate": "2026-03-01T08:00:00+0000",
    "numSent": 120,
    "numCompleted": 90,
    "locked": False,
    "assignToNewUsers": False,
    "emailCustomized": False,
    "title": {
        "id": "dGl0bGU",
        "title": "Newer fields",
        "titleForCustomerModule": True,
        "correctAnswers": {"forQuestion1": 80, "forQuestion2": 75, "forQuestion3": 60},
        "defaultGifs": {"correctGif": "https://example.test/yes.gif", "incorrectGif": "https://example.test/no.gif"},
    },
    "emailMsg": {"subject": "Your training", "body": "<p>Dear Pat Example, please watch.</p>"},
    "optionSpread": {"option-1": 80, "option-2": 4, "option-3": 5, "option-4": 1},
}


def answer(*campaigns: Any, **parts: Any) -> dict[str, Any]:
    """The envelope around some campaigns; `parts` replace parts of it."""
    return {"fail": [], "meta": {"status": 200}, "data": list(campaigns)} | parts
