from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.metrics import LEFT_OUT, page
from exporter.collectors import COLLECTORS

ROOT = Path(__file__).parent.parent
DOCUMENTED = ROOT / "docs" / "metrics.md"

#: The fields of the vendor's pages, object by object.
VENDOR_FIELDS = {
    "campaigns": """
        launchDate emailCustomized emailMsg.subject emailMsg.body numSent numCompleted locked customContentId
        assignToNewUsers customGifs customAnswer.safetyTip customAnswer.answerNumber customAnswer.correctAnswer
        optionSpread title.id title.titleForCustomerModule title.correctAnswers title.defaultGifs
    """,
    "phishing": """
        launchDate locked locale timeSlotSelected numSent numOpened numClicked numSubmitted sender.name sender.email
        group templates
    """,
    "safe_score": "scoreCounts.a scoreCounts.b scoreCounts.c scoreCounts.d scoreCounts.f",
    "performance": """
        numParticipating numZeroIncorrect numOneIncorrect numTwoIncorrect numThreeIncorrect numFourOrMoreIncorrect
        numVideosSent numVideosNotWatched departmentCompletionStats
    """,
}


def test_the_page_is_what_the_tables_say() -> None:
    assert DOCUMENTED.read_text() == page(), "run `make docs`"


@pytest.mark.parametrize("collector", COLLECTORS)
def test_every_field_of_the_vendors_page_is_read_or_listed_as_left_out(collector: str) -> None:
    sources = (family.source for family in COLLECTORS[collector].families)
    named = " ".join([*sources, *LEFT_OUT.get(collector, ())])
    fields = VENDOR_FIELDS[collector].split()
    assert [field for field in fields if not re.search(rf"\b{re.escape(field)}\b", named)] == []


def test_every_collector_is_explained() -> None:
    text = (ROOT / "docs" / "collectors.md").read_text()
    for collector in COLLECTORS.values():
        state = "on" if collector.enabled_by_default else "off"
        row = rf"^\| `{collector.name}` \| `{collector.endpoint.path}` \| .+ \| {state} \|$"
        assert re.search(row, text, re.MULTILINE), collector.name
        assert collector.endpoint.permission in text
