"""The simulator's past can be written as OpenMetrics, and Prometheus's own tool makes blocks from it."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, UntypedMetricFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.simulator import Simulator, fleet, history, openmetrics
from tests.clocks import Clock

NOW = 1_790_000_000.0
DAY = 86400.0
TARGET = {"job": "mimecast", "instance": "exporter:10587"}

Labels = frozenset[tuple[str, str]]
#: Series, value and time of a sample.
Stored = tuple[str, Labels, float, float]


def stored(text: str) -> list[Stored]:
    """What an OpenMetrics text with timestamps says, by the library's parser."""
    return [
        (sample.name, frozenset(sample.labels.items()), sample.value, float(sample.timestamp))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def test_history_is_what_each_endpoint_would_have_answered_at_regular_moments_until_now() -> None:
    simulator = Simulator(fleet(2), clock=Clock(NOW))
    answers = list(history(simulator, days=2, step=3600))
    moments = sorted({answer.moment for answer in answers})
    assert moments == [moment * 3600.0 for moment in range(math.ceil((NOW - 2 * DAY) / 3600), int(NOW // 3600) + 1)]
    assert {(answer.account, answer.endpoint) for answer in answers if answer.moment == moments[0]} == {
        (account, endpoint)
        for account in ("acme", "globex")
        for endpoint in ("get-queue", "get-campaign", "get-safe-score-summary", "get-performance-summary")
    }
    assert [answer.moment for answer in answers] == sorted(answer.moment for answer in answers)
    for answer in answers:
        assert answer.items == Simulator(fleet(2), clock=Clock(NOW)).items(*answer[1:3], answer.moment)


def test_history_ends_at_the_time_that_the_data_has_reached() -> None:
    simulator = Simulator(fleet(1), clock=Clock(NOW))
    simulator.advanced = 10 * DAY
    assert [answer.moment for answer in history(simulator, days=1, step=DAY)] == [(NOW + 10 * DAY) // DAY * DAY] * 4


@pytest.mark.parametrize(("days", "step"), [(0, 60), (-1, 60), (1, 0), (1, -5), (math.nan, 60)])
def test_a_history_without_length_or_step_is_refused(days: float, step: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        history(Simulator(fleet(1)), days, step)


def exposition(families: list[Metric]) -> str:
    class Collector:
        def collect(self) -> Iterator[Metric]:
            yield from families

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    return generate_latest(registry).decode()


def family(name: str, kind: str, values: dict[str, float]) -> Metric:
    kinds = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily, "untyped": UntypedMetricFamily}
    made: Metric = kinds[kind](name, 'Of a "kind" with \\ and\nmore.', labels=["title"])
    for title, value in values.items():
        made.add_metric([title], value)  # type: ignore[attr-defined] # each of the three kinds has it
    return made


numbers = st.floats(allow_nan=False, min_value=0)
titles = st.text(max_size=8) | st.sampled_from(["# HELP a b", 'a"} 5', "back\\slash", "two\nlines\n# HELP x y", "🎁"])
samples = st.dictionaries(titles, numbers, max_size=4)
scrapes = st.lists(
    st.tuples(st.integers(1, 10**6), st.dictionaries(st.sampled_from(["gauge", "counter", "untyped"]), samples)),
    max_size=6,
)


@given(scrapes=scrapes)
@settings(deadline=None)
def test_a_history_holds_every_sample_of_every_scrape_with_its_time_and_target(
    scrapes: list[tuple[int, dict[str, dict[str, float]]]],
) -> None:
    moments: list[tuple[float, str]] = []
    expected: list[Stored] = []
    for seconds, families in scrapes:
        moment = (moments[-1][0] if moments else NOW) + seconds / 8
        moments.append((moment, exposition([family(f"a_{kind}", kind, values) for kind, values in families.items()])))
        expected.append(("up", frozenset(TARGET.items()), 1.0, round(moment, 3)))
        for kind, values in families.items():
            name = "a_counter_total" if kind == "counter" else f"a_{kind}"
            expected += [
                (name, frozenset({"title": title, **TARGET}.items()), value, round(moment, 3))
                for title, value in values.items()
            ]
    text = "".join(openmetrics(moments, TARGET))
    assert text.endswith("# EOF\n")
    assert sorted(stored(text), key=repr) == sorted(expected, key=repr)


def test_each_series_stands_once_in_the_order_of_time() -> None:
    def head(name: str) -> str:
        return f"# HELP {name} Help.\n# TYPE {name} gauge\n"

    scrapes = [
        (1.0, f'{head("a")}a 1\n{head("b")}b{{x="1"}} 2\nb{{x="2"}} 3\n'),
        (2.5, f"{head('a')}a 1\n"),
        (4.0, f'{head("a")}a 1\n{head("b")}b{{x="2"}} 3\nb{{x="1"}} NaN\n'),
    ]
    assert "".join(openmetrics(scrapes, {"job": 'the "job"'})) == (
        f"{head('a')}"
        'a{job="the \\"job\\""} 1 1\n'
        'a{job="the \\"job\\""} 1 2.5\n'
        'a{job="the \\"job\\""} 1 4\n'
        f"{head('b')}"
        'b{x="1",job="the \\"job\\""} 2 1\n'
        'b{x="1",job="the \\"job\\""} NaN 4\n'
        'b{x="2",job="the \\"job\\""} 3 1\n'
        'b{x="2",job="the \\"job\\""} 3 4\n'
        "# HELP up 1 when the scrape succeeded.\n"
        "# TYPE up gauge\n"
        'up{job="the \\"job\\""} 1 1\n'
        'up{job="the \\"job\\""} 1 2.5\n'
        'up{job="the \\"job\\""} 1 4\n'
        "# EOF\n"
    )


@pytest.mark.parametrize(
    ("scrapes", "reason"),
    [
        ([(2.0, ""), (2.0, "")], "not later than the one before"),
        ([(2.0, ""), (1.0, "")], "not later than the one before"),
        ([(1.0, "a 1\n")], "with HELP"),
        ([(1.0, "# HELP a b\na 1\n")], "not a gauge, a counter or an untyped metric"),
        ([(1.0, "# HELP a b\n# TYPE a histogram\n")], "not a gauge, a counter or an untyped metric"),
        ([(1.0, "# HELP a b\n# TYPE a gauge\na 1 1700000000\n")], "a sample of a is not a series and a value"),
        ([(1.0, "# HELP a b\n# TYPE a gauge\na\n")], "not a series and a value"),
    ],
)
def test_scrapes_that_cannot_be_stored_are_refused(scrapes: list[tuple[float, str]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        list(openmetrics(scrapes, TARGET))


def completions(days: float, step: float) -> Iterator[tuple[float, str]]:
    """Scrapes of one metric of the simulator's past."""
    simulator = Simulator(fleet(3), clock=Clock(NOW))
    for moment, answers in groupby(history(simulator, days, step), key=lambda answer: answer.moment):
        lines = [
            f'completed{{account="{answer.account}",campaign="{item["id"]}"}} {item["numCompleted"]}\n'
            for answer in answers
            if answer.endpoint == "get-queue"
            for item in answer.items
        ]
        yield moment, "# HELP completed Users.\n# TYPE completed gauge\n" + "".join(lines)


def test_promtool_makes_blocks_from_a_history(promtool: Path, tmp_path: Path) -> None:
    file, blocks = tmp_path / "history.om", tmp_path / "blocks"
    with file.open("w") as writing:
        writing.writelines(openmetrics(completions(days=30, step=3600), TARGET))
    create = [str(promtool), "tsdb", "create-blocks-from", "--max-block-duration=744h", "openmetrics"]
    subprocess.run([*create, str(file), str(blocks)], check=True, capture_output=True)
    (blocks / "wal").mkdir()  # without one promtool reads no blocks
    dump = subprocess.run([promtool, "tsdb", "dump", blocks], check=True, capture_output=True, text=True).stdout
    first = math.ceil((NOW - 30 * DAY) / 3600) * 3600
    assert dump.count('{__name__="completed"') == 3 * 16 * 720
    assert f'{{__name__="up", instance="exporter:10587", job="mimecast"}} 1 {first * 1000}' in dump
