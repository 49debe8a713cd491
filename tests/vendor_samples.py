"""Items as the vendor documents them, those of get-queue in both their shapes, with numbers a reader can follow."""

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

#: All fields of phishing/campaign/get-campaign.
PHISHING: dict[str, Any] = {
    "id": "c2ltdWxhdGlvbg",
    "name": "Parcel held at customs",
    "launchDate": "2026-03-01T08:00:00+0000",
    "locked": True,
    "locale": "en",
    "timeSlotSelected": "TZ1",
    "numSent": 120,
    "numOpened": 61,
    "numClicked": 14,
    "numSubmitted": 5,
    "sender": {"name": "Pat Example", "email": "pat@example.test"},
    "group": {"id": "Z3JvdXA", "description": "Reports to Pat Example", "userCount": 120},
    "templates": [{"id": "dGVtcGxhdGU", "displayTitle": "Signed by Pat Example"}],
}

#: All fields of company/get-safe-score-summary.
SAFE_SCORE: dict[str, Any] = {"scoreCounts": {"a": 5, "b": 4, "c": 3, "d": 2, "f": 1}}

#: All fields of company/get-performance-summary.
PERFORMANCE: dict[str, Any] = {
    "numParticipating": 200,
    "numZeroIncorrect": 150,
    "numOneIncorrect": 30,
    "numTwoIncorrect": 12,
    "numThreeIncorrect": 6,
    "numFourOrMoreIncorrect": 2,
    "numVideosSent": 1800,
    "numVideosNotWatched": 240,
    "departmentCompletionStats": [{"department": "Office of Pat Example", "numCompleted": 9}],
}


def answer(*campaigns: Any, **parts: Any) -> dict[str, Any]:
    """The envelope around some campaigns; `parts` replace parts of it."""
    return {"fail": [], "meta": {"status": 200}, "data": list(campaigns)} | parts
