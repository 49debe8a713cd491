"""Our text against prometheus_client: what its parser reads, and what its own exposition of the same families says."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.accounts.cache import Statistics
from exporter.accounts.status import (
    ACCOUNT_FAMILIES,
    COLLECTOR_FAMILIES,
    LOOKUP_FAMILIES,
    AccountStatus,
    CollectorStatus,
)
from exporter.collectors.campaigns import CAMPAIGNS, Campaign, decode
from exporter.exposition.family import Family
from exporter.exposition.process import ProcessMetrics
from exporter.exposition.text import (
    Format,
    format_labels,
    format_number,
    merge,
    render_metrics,
    render_record,
    render_records,
)
from exporter.http.handlers.metrics import PROBE_FAMILIES
from exporter.mimecast import Traffic
from exporter.mimecast.answers import CorrectAnswers
from tests.clocks import Clock
from tests.serving import HMAC, account
from tests.vendor_samples import NEWER, OLDER

ACCOUNT = account("acme", "https://api.example", HMAC)

Samples = Counter[tuple[str, frozenset[tuple[str, str]], float]]


def campaign(item: dict[str, Any], **changes: Any) -> Campaign:
    decoded = decode(json.dumps(item | changes).encode(), ACCOUNT)
    assert decoded is not None
    return decoded


def text_of(*accounts: tuple[str, Sequence[Campaign]]) -> str:
    rendered = [
        asyncio.run(
            render_records(CAMPAIGNS.families, campaigns, format_labels(("account",), (name,)), CAMPAIGNS.labels)
        )
        for name, campaigns in accounts
    ]
    return b"".join(merge(CAMPAIGNS.families, rendered)).decode()


def samples(families: Iterable[Metric]) -> Samples:
    return Counter(
        (sample.name, frozenset(sample.labels.items()), sample.value)
        for family in families
        for sample in family.samples
    )


def heads(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.startswith(("# HELP", "# TYPE"))]


#: A record, and the values of the labels that its families share.
Labelled = tuple[Any, tuple[str, ...]]


class LibrarysView:
    """The same records as prometheus_client's own families."""

    def __init__(self, families: Sequence[Family[Any]], labels: Sequence[str], records: Sequence[Labelled]) -> None:
        self._families, self._labels, self._records = families, labels, records

    def collect(self) -> Iterable[Metric]:
        for ours in self._families:
            kind = CounterMetricFamily if ours.type == "counter" else GaugeMetricFamily
            family = kind(ours.name, ours.help, labels=[*self._labels, *ours.labels])
            for record, labels in self._records:
                for values, number in ours.samples(record):
                    family.add_metric((*labels, *values), number)
            if family.samples:
                yield family


class Collected(CollectorRegistry):
    """What was collected once, for both to show."""

    def __init__(self, families: Sequence[Metric]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def assert_as_the_library_says(*accounts: tuple[str, Sequence[Campaign]]) -> None:
    ours = text_of(*accounts)
    registry = CollectorRegistry()
    records = [(one, (name, one.campaign_id, one.title)) for name, campaigns in accounts for one in campaigns]
    registry.register(LibrarysView(CAMPAIGNS.families, ("account", *CAMPAIGNS.labels), records))
    assert samples(parse_text(ours)) == samples(parse_text(generate_latest(registry).decode()))
    openmetrics = generate_openmetrics(registry).decode()
    assert samples(parse_openmetrics(ours + "# EOF\n")) == samples(parse_openmetrics(openmetrics))
    assert heads(ours) == heads(openmetrics)


def test_the_vendors_samples_come_out_as_the_right_series() -> None:
    older, newer = campaign(OLDER), campaign(NEWER)
    labels = f'{{account="acme",campaign_id="{older.campaign_id}",title="Older sample"'
    assert [line for line in text_of(("acme", [older])).splitlines() if not line.startswith("#")] == [
        f"mimecast_awareness_campaign_emails_sent{labels}}} 5",
        f"mimecast_awareness_campaign_users_completed{labels}}} 5",
        f"mimecast_awareness_campaign_users_correct{labels}}} 4",
        f'mimecast_awareness_campaign_answers{labels},option="1"}} 1',
        f'mimecast_awareness_campaign_answers{labels},option="2"}} 0',
        f'mimecast_awareness_campaign_answers{labels},option="3"}} 4',
        f'mimecast_awareness_campaign_answers{labels},option="4"}} 0',
        f"mimecast_awareness_campaign_launch_timestamp_seconds{labels}}} 1641943920",
        f"mimecast_awareness_campaign_locked{labels}}} 1",
        f"mimecast_awareness_campaign_assign_to_new_users{labels}}} 1",
        f"mimecast_awareness_campaign_email_customized{labels}}} 1",
        f"mimecast_awareness_campaign_implausible{labels}}} 0",
        f'mimecast_awareness_campaign_info{labels},custom_module="false",custom_content="true",correct_option="3"}} 1',
    ]
    assert_as_the_library_says(("acme", [older, newer]))


@pytest.mark.parametrize(
    "title",
    [
        'quo"te',
        "back\\slash",
        "new\nline",
        "\\n",
        "🎣 phishing",
        "אבטחת מידע",
        "tab\t",
        "\x00",
        "a\u2028b",
        "{}",
        "# EOF",
    ],
)
def test_hostile_titles_survive(title: str) -> None:
    one = campaign(NEWER, title={"title": title})
    assert_as_the_library_says(("acme", [one]))
    (family, *_) = parse_text(text_of(("acme", [one])))
    assert family.samples[0].labels["title"] == one.title


def test_two_campaigns_with_one_title_stay_two_series() -> None:
    twins = [campaign(NEWER, id="one"), campaign(NEWER, id="two")]
    assert_as_the_library_says(("acme", twins))
    assert text_of(("acme", twins)).count("mimecast_awareness_campaign_emails_sent{") == 2


def test_a_family_stands_once_however_many_accounts_have_it() -> None:
    accounts = [("acme", [campaign(NEWER)]), ("globex", [campaign(OLDER)]), ("empty", [])]
    assert_as_the_library_says(*accounts)
    assert text_of(*accounts).count("# TYPE mimecast_awareness_campaign_emails_sent ") == 1


def test_what_is_not_known_has_no_sample() -> None:
    bare = campaign({"id": "x", "title": {"title": "Bare"}})
    names = {line.split("{")[0] for line in text_of(("acme", [bare])).splitlines() if not line.startswith("#")}
    assert names == {"mimecast_awareness_campaign_implausible", "mimecast_awareness_campaign_info"}


anything = st.text(max_size=30).map(lambda text: text.encode("utf-16-le", "replace").decode("utf-16-le", "replace"))
counts = st.dictionaries(st.integers(1, 9), st.integers(0, 2**53), max_size=4)
campaigns = st.builds(
    Campaign,
    secure_id=st.just("x"),
    campaign_id=st.text("0123456789abcdef", min_size=12, max_size=12),
    title=anything,
    launch_time=st.none() | st.floats(-1e11, 1e12),
    emails_sent=st.none() | st.integers(0, 2**53),
    users_completed=st.none() | st.integers(0, 2**53),
    locked=st.none() | st.booleans(),
    custom_module=st.booleans(),
    option_counts=counts,
    answers=st.builds(CorrectAnswers, by_question=counts, correct_option=st.none() | st.integers(1, 9)),
)


@settings(max_examples=150, deadline=None)
@given(anything, st.lists(campaigns, max_size=4, unique_by=lambda one: one.campaign_id))
def test_any_campaign_is_read_by_the_library_as_it_was_written(account: str, some: list[Campaign]) -> None:
    assert_as_the_library_says((account, some))


def test_many_campaigns_are_all_there_and_in_their_order() -> None:
    many = [campaign(NEWER, id=f"campaign {number}", numSent=number) for number in range(1_300)]
    text = text_of(("acme", many))
    assert_as_the_library_says(("acme", many))
    sent = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{CAMPAIGNS.families[0].name}{{")]
    assert sent == [str(number) for number in range(1_300)]


@settings(max_examples=100, deadline=None)
@given(anything, st.lists(anything, max_size=4, unique=True))
def test_labels_of_a_family_hold_any_text(account: str, values: list[str]) -> None:
    families = (Family("a_family", "Help.", lambda kinds: [((kind,), 1) for kind in kinds], labels=("kind",)),)
    prefix = format_labels(("account",), (account,))
    registry = CollectorRegistry()
    registry.register(LibrarysView(families, ("account",), [(values, (account,))]))
    theirs = samples(parse_text(generate_latest(registry).decode()))
    for texts in (asyncio.run(render_records(families, [values], prefix, ())), render_record(families, values, prefix)):
        assert samples(parse_text(b"".join(merge(families, [texts])).decode())) == theirs


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_a_family_without_labels_has_no_braces(form: Format) -> None:
    text = b"".join(merge(PROBE_FAMILIES, [render_record(PROBE_FAMILIES, (True, 0.25), "")], form)).decode()
    assert text == (
        f"# HELP probe_success {PROBE_FAMILIES[0].help}\n# TYPE probe_success gauge\nprobe_success 1\n"
        f"# HELP probe_duration_seconds {PROBE_FAMILIES[1].help}\n"
        "# TYPE probe_duration_seconds gauge\nprobe_duration_seconds 0.25\n"
    )


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53))
def test_a_number_is_read_back_as_it_was(value: float) -> None:
    assert float(format_number(value)) == value


def account_status(name: str, *endpoints: str, up: bool = False) -> AccountStatus:
    collector = CollectorStatus("campaigns", up=up, records=3)
    return AccountStatus(name, Traffic(), endpoints, (collector,))


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_status_metrics_are_what_the_library_would_say(form: Format) -> None:
    fresh, known = account_status("fresh", "get-queue"), account_status('kno"wn', "get-queue", "token", up=True)
    known.traffic.answered("get-queue", 200, {"x-ratelimit-reset": "1500", "x-ratelimit-limit": "9"}, 1.25)
    known.traffic.unanswered("token")
    tables: list[tuple[Sequence[Family[Any]], tuple[str, ...], list[Labelled]]] = [
        (ACCOUNT_FAMILIES, ("account",), [(status, (status.account,)) for status in (fresh, known)]),
        (
            COLLECTOR_FAMILIES,
            ("account", "collector"),
            [(status.collectors[0], (status.account, "campaigns")) for status in (fresh, known)],
        ),
        (LOOKUP_FAMILIES, (), [({"campaigns": Statistics(9, 7, 1), "phishing": Statistics()}, ())]),
    ]
    ours, registry = "", CollectorRegistry()
    for families, labels, records in tables:
        texts = [render_record(families, record, format_labels(labels, values)) for record, values in records]
        ours += b"".join(merge(families, texts, form)).decode()
        registry.register(LibrarysView(families, labels, records))
    generate, parse = (generate_latest, parse_text) if form == "text" else (generate_openmetrics, parse_openmetrics)
    ours += "" if form == "text" else "# EOF\n"
    theirs = generate(registry).decode()
    assert samples(parse(ours)) == samples(parse(theirs))
    assert heads(ours) == heads(theirs)


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_the_process_s_own_metrics_are_what_the_library_would_say(form: Format) -> None:
    process = ProcessMetrics('0.1"\n\\')
    process.config_loaded(1_790_000_000.25, {"a.yaml": [], 'b"\n\\.yaml': ["fault"]})
    process.request_refused()
    collected = Collected(list(process.collect()))
    generate, parse = (generate_latest, parse_text) if form == "text" else (generate_openmetrics, parse_openmetrics)
    ending = "" if form == "text" else "# EOF\n"
    ours, theirs = render_metrics(collected.collect(), form).decode() + ending, generate(collected).decode()
    assert samples(parse(ours)) == samples(parse(theirs))
    assert heads(ours) == heads(theirs)
    assert {family.type for family in collected.collect()} == {"gauge", "counter"}
    assert "{}" not in ours


def test_counters_exist_at_zero_from_the_start_and_unknown_gauges_do_not() -> None:
    status = AccountStatus("fresh", Traffic(), ("get-queue", "token"), (CollectorStatus("campaigns"),))
    texts = [
        render_record(ACCOUNT_FAMILIES, status, 'account="fresh"'),
        render_record(COLLECTOR_FAMILIES, status.collectors[0], 'account="fresh",collector="campaigns"'),
    ]
    text = b"".join(merge((*ACCOUNT_FAMILIES, *COLLECTOR_FAMILIES), texts)).decode()
    assert 'mimecast_up{account="fresh"} 0\n' in text
    assert 'mimecast_collector_up{account="fresh",collector="campaigns"} 0\n' in text
    assert 'mimecast_api_requests_total{account="fresh",endpoint="get-queue",code="200"} 0\n' in text
    assert 'mimecast_api_requests_total{account="fresh",endpoint="token",code="200"} 0\n' in text
    assert text.count("mimecast_refresh_failures_total{") == 11
    for absent in ("data_timestamp", "api_rate_limit", "clock_skew", "duration", "bytes"):
        assert absent not in text


def test_the_process_is_looked_at_once_a_second() -> None:
    clock = Clock()
    process = ProcessMetrics("1", clock)

    def open_files() -> str:
        return next(
            line for line in process.render("text").decode().splitlines() if line.startswith("process_open_fds")
        )

    before = open_files()
    with socket.socket(), socket.socket():
        assert open_files() == before
        clock.advance(1)
        assert open_files() != before
