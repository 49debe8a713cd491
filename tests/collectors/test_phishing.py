from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.collectors.phishing import PHISHING
from tests.collectors.reading import samples_of, samples_of_raw
from tests.vendor_samples import PHISHING as ITEM

LABELS = 'account="acme",campaign_id="43eca82d8770",title="Parcel held at customs"'
LINES = {
    "numSent": f"mimecast_awareness_phishing_campaign_sent{{{LABELS}}} 120",
    "numOpened": f"mimecast_awareness_phishing_campaign_opened{{{LABELS}}} 61",
    "numClicked": f"mimecast_awareness_phishing_campaign_clicked{{{LABELS}}} 14",
    "numSubmitted": f"mimecast_awareness_phishing_campaign_submitted{{{LABELS}}} 5",
    "launchDate": f"mimecast_awareness_phishing_campaign_launch_timestamp_seconds{{{LABELS}}} 1772352000",
    "locked": f"mimecast_awareness_phishing_campaign_locked{{{LABELS}}} 1",
    "locale": f'mimecast_awareness_phishing_campaign_info{{{LABELS},locale="en"}} 1',
}


def test_a_simulation_is_exported_field_by_field_without_names_of_people() -> None:
    assert samples_of(PHISHING, ITEM) == list(LINES.values())


@pytest.mark.parametrize("field", LINES)
@pytest.mark.parametrize("nonsense", [None, "", [], {}, -1, [[[]]], {"a": {"b": 1}}])
def test_a_field_that_is_missing_or_not_understood_has_no_sample_and_takes_no_other_with_it(
    field: str, nonsense: Any
) -> None:
    others = [line for name, line in LINES.items() if name != field]
    assert samples_of(PHISHING, ITEM | {field: nonsense}) == others
    assert samples_of(PHISHING, {name: value for name, value in ITEM.items() if name != field}) == others


@pytest.mark.parametrize("locale", ["en", "pt-BR", "zh_Hant_TW", "es-419"])
def test_a_locale_is_a_language_code(locale: str) -> None:
    assert samples_of(PHISHING, ITEM | {"locale": locale})[-1].endswith(f',locale="{locale}"}} 1')


@pytest.mark.parametrize("locale", ["e", "\x80", "日本語", "Pat Example", "pat@example.test", "x" * 60, "en-"])
def test_what_is_no_language_code_is_no_locale(locale: str) -> None:
    assert samples_of(PHISHING, ITEM | {"locale": locale}) == list(LINES.values())[:-1]


def test_a_pending_simulation_has_its_zeros_and_a_launch_in_1970_is_none() -> None:
    pending = {"id": "x", "name": "Soon", "numSent": 0, "launchDate": "1970-01-01T00:00:00+00:00"}
    assert [line.rpartition("}")[2] for line in samples_of(PHISHING, pending)] == [" 0"]


@pytest.mark.parametrize("item", [None, 5, [], "text", {}, {"id": "x"}, {"name": "x"}, {"id": "x", "name": " "}])
def test_an_item_without_id_or_name_is_no_simulation(item: Any) -> None:
    assert samples_of(PHISHING, item) == []


def test_the_first_of_two_simulations_with_one_id_is_exported() -> None:
    assert samples_of(PHISHING, ITEM, ITEM | {"numSent": 7}) == list(LINES.values())


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"a\x01b", b"\\ud800"], ids=repr)
def test_a_bad_character_in_a_field_that_is_not_read_costs_nothing(damage: bytes) -> None:
    item = json.dumps(ITEM).encode().replace(b"Pat Example", damage)
    assert samples_of_raw(PHISHING, item) == list(LINES.values())
