from __future__ import annotations

import re
from pathlib import Path

from docs.metrics import LEFT_OUT, page
from exporter.collectors.campaigns import FAMILIES

ROOT = Path(__file__).parent.parent
DOCUMENTED = ROOT / "docs" / "metrics.md"

#: The fields of the vendor's page, object by object.
VENDOR_FIELDS = """
    launchDate emailCustomized emailMsg.subject emailMsg.body numSent numCompleted locked customContentId
    assignToNewUsers customGifs customAnswer.safetyTip customAnswer.answerNumber customAnswer.correctAnswer
    optionSpread title.id title.titleForCustomerModule title.correctAnswers title.defaultGifs
"""


def test_the_page_is_what_the_tables_say() -> None:
    assert DOCUMENTED.read_text() == page(), "run `make docs`"


def test_every_field_of_the_vendors_page_is_read_or_listed_as_left_out() -> None:
    named = " ".join([*(family.source for family in FAMILIES), *LEFT_OUT["campaigns"]])
    missing = [field for field in VENDOR_FIELDS.split() if not re.search(rf"\b{re.escape(field)}\b", named)]
    assert missing == []
