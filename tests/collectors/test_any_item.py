"""Whatever the API sends as an item, each collector decodes it or leaves it out, and its series are read back."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.collectors import COLLECTORS, Collector
from exporter.simulator import Simulator, fleet
from exporter.simulator.items import PATHS
from tests.collectors.reading import exposition_of, records_of
from tests.vendor_samples import NEWER, PERFORMANCE, PHISHING, SAFE_SCORE

COMPLETE: dict[str, dict[str, Any]] = {
    "campaigns": NEWER,
    "phishing": PHISHING,
    "safe_score": SAFE_SCORE,
    "performance": PERFORMANCE,
}
texts = st.text(st.characters(), max_size=20)  # lone surrogates included
numbers = st.integers() | st.floats() | st.integers(0, 500)
scalars = st.none() | st.booleans() | numbers | texts | st.integers(0, 500).map(str)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


def damaged(complete: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Complete items, some of whose fields, or fields of fields, are replaced or missing; and anything else."""

    def of_object(whole: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        fields = {
            name: st.just(value) | (of_object(value) if isinstance(value, dict) else values) | values
            for name, value in whole.items()
        }
        return st.fixed_dictionaries({}, optional=fields)

    return of_object(complete) | of_object(complete) | values


@pytest.mark.parametrize("name", COLLECTORS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_item_is_too_much_and_no_series_stands_twice(name: str, data: st.DataObject) -> None:
    collector = COLLECTORS[name]
    items = data.draw(st.lists(damaged(COMPLETE[name]), max_size=4))
    records = records_of(collector, [json.dumps(item).encode() for item in items])
    text = exposition_of(collector, records)
    families = list(parse_text(text))
    series = Counter((sample.name, *sorted(sample.labels.items())) for one in families for sample in one.samples)
    assert series.total() == len(series) == sum(not line.startswith("#") for line in text.split("\n")[:-1])
    assert all(sample.value >= 0 for one in families for sample in one.samples if "launch" not in one.name)
    assert [one.samples for one in families] == [one.samples for one in parse_openmetrics(f"{text}# EOF\n")]


@pytest.mark.parametrize("name", COLLECTORS)
@given(item=st.binary(max_size=60))
def test_bytes_that_are_no_item_give_no_sample(name: str, item: bytes) -> None:
    collector = COLLECTORS[name]
    assert exposition_of(collector, records_of(collector, [item])) == ""


@pytest.mark.parametrize("collector", COLLECTORS.values(), ids=COLLECTORS)
def test_the_simulators_answers_have_a_sample_of_every_family(collector: Collector[Any]) -> None:
    simulator = Simulator(fleet(3))
    items = [
        item
        for account in simulator.accounts
        for endpoint in PATHS
        if endpoint == collector.endpoint.name
        for item in simulator.items(account.name, endpoint, simulator.campaign_time)
    ]
    text = exposition_of(collector, records_of(collector, [json.dumps(item).encode() for item in items]))
    assert {family.name for family in collector.families} == {family.name for family in parse_text(text)}


@pytest.mark.parametrize("number", ["9" * 5000, "1e999", "-1e999", "9" * 30, "0." + "1" * 5000, "NaN",
                                    '"1_000"', '"\u0663"', '"1e3"', '"0x10"', '"inf"', f'"{"9" * 5000}"'])  # fmt: skip
def test_a_count_that_cannot_be_one_costs_its_own_field_only(number: str) -> None:
    item = json.dumps(NEWER | {"numSent": "planted"}).replace('"planted"', number)
    (record,) = records_of(COLLECTORS["campaigns"], [item.encode()])
    (whole,) = records_of(COLLECTORS["campaigns"], [json.dumps(NEWER).encode()])
    assert record == replace(whole, emails_sent=None)
