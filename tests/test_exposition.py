"""Our text against prometheus_client: what its parser reads, and what its own exposition of the same families says."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.accounts.cache import Statistics
from exporter.accounts.status import AccountStatus
from exporter.collectors.metrics import (
    ACCOUNT_METRICS,
    CAMPAIGN_LABELS,
    CAMPAIGN_METRICS,
    PROBE_METRICS,
    SCRAPE_METRICS,
    CampaignMetric,
)
from exporter.exposition.compression import finish_member, pack_prefix, slices
from exporter.exposition.process import Telemetry
from exporter.exposition.text import (
    Format,
    accepts_gzip,
    choose_format,
    format_number,
    merge_accounts,
    merge_campaigns,
    render_account,
    render_campaigns,
    render_families,
    render_probe,
    render_scrapes,
)
from exporter.mimecast import Campaign, Traffic
from exporter.mimecast.answers import CorrectAnswers
from exporter.mimecast.campaign import decode_campaign
from tests.vendor_samples import NEWER, OLDER

Samples = Counter[tuple[str, frozenset[tuple[str, str]], float]]


def campaign(item: dict[str, Any], **changes: Any) -> Campaign:
    decoded = decode_campaign(json.dumps(item | changes).encode())
    assert decoded is not None
    return decoded


def text_of(*accounts: tuple[str, Sequence[Campaign]]) -> str:
    rendered = [asyncio.run(render_campaigns(name, campaigns)) for name, campaigns in accounts]
    return b"".join(merge_campaigns(rendered)).decode()


def samples(families: Iterable[Metric]) -> Samples:
    return Counter(
        (sample.name, frozenset(sample.labels.items()), sample.value)
        for family in families
        for sample in family.samples
    )


def heads(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.startswith(("# HELP", "# TYPE"))]


class LibrarysView:
    """The same campaigns as prometheus_client's own families."""

    def __init__(self, *accounts: tuple[str, Sequence[Campaign]]) -> None:
        self._accounts = accounts

    def collect(self) -> Iterable[Metric]:
        for metric in CAMPAIGN_METRICS:
            own = () if isinstance(metric, CampaignMetric) else metric.labels
            family = GaugeMetricFamily(metric.name, metric.help, labels=[*CAMPAIGN_LABELS, *own])
            for account, campaigns in self._accounts:
                for one in campaigns:
                    labels = (account, one.campaign_id, one.title)
                    if isinstance(metric, CampaignMetric):
                        value = metric.read(one)
                        if value is not None:
                            family.add_metric(labels, value)
                    else:
                        for values, number in metric.read(one):
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
    registry.register(LibrarysView(*accounts))
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
    sent = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{CAMPAIGN_METRICS[0].name}{{")]
    assert sent == [str(number) for number in range(1_300)]


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_a_probe_tells_what_every_prober_tells(form: Format) -> None:
    text = render_probe(AccountStatus("acme", Traffic(), Statistics(), up=True), 0.25, form).decode()
    assert text == (
        f"# HELP probe_success {PROBE_METRICS['probe_success']}\n# TYPE probe_success gauge\nprobe_success 1\n"
        f"# HELP probe_duration_seconds {PROBE_METRICS['probe_duration_seconds']}\n"
        "# TYPE probe_duration_seconds gauge\nprobe_duration_seconds 0.25\n"
    )


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53))
def test_a_number_is_read_back_as_it_was(value: float) -> None:
    assert float(format_number(value)) == value


class LibrarysAccounts:
    """The same account metrics as prometheus_client's own families."""

    def __init__(self, statuses: Sequence[AccountStatus]) -> None:
        self._statuses = statuses

    def collect(self) -> Iterable[Metric]:
        for metric in ACCOUNT_METRICS:
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.name, metric.help, labels=["account", *metric.labels])
            for status in self._statuses:
                for values, number in metric.read(status):
                    family.add_metric((status.account, *values), number)
            if family.samples:
                yield family
        for moving in SCRAPE_METRICS:
            counters = CounterMetricFamily(moving.name, moving.help, labels=["account"])
            for status in self._statuses:
                counters.add_metric((status.account,), moving.read(status))
            yield counters


def accounts_text(statuses: Sequence[AccountStatus], form: Format) -> str:
    kept = merge_accounts(map(render_account, statuses), form)
    return (b"".join(kept) + render_scrapes(statuses, form)).decode()


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_account_metrics_are_what_the_library_would_say(form: Format) -> None:
    fresh = AccountStatus("fresh", Traffic(), Statistics())
    known = AccountStatus('kno"wn', Traffic(), Statistics(9, 7, 1), ("get-queue", "token"), up=True, campaigns=3)
    known.traffic.answered("get-queue", 200, {"x-ratelimit-reset": "1500", "x-ratelimit-limit": "9"}, 1.25)
    known.traffic.unanswered("token")
    registry = CollectorRegistry()
    registry.register(LibrarysAccounts([fresh, known]))
    generate, parse = (generate_latest, parse_text) if form == "text" else (generate_openmetrics, parse_openmetrics)
    ending = "" if form == "text" else "# EOF\n"
    ours, theirs = accounts_text([fresh, known], form) + ending, generate(registry).decode()
    assert samples(parse(ours)) == samples(parse(theirs))
    assert heads(ours) == heads(theirs)


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_the_process_s_own_metrics_are_what_the_library_would_say(form: Format) -> None:
    telemetry = Telemetry('0.1"\n\\')
    telemetry.config_loaded(1_790_000_000.25, {"a.yaml": [], 'b"\n\\.yaml': ["fault"]})
    telemetry.requests_refused.inc(3)
    collected = Collected(list(telemetry.collect()))
    generate, parse = (generate_latest, parse_text) if form == "text" else (generate_openmetrics, parse_openmetrics)
    ending = "" if form == "text" else "# EOF\n"
    ours, theirs = render_families(collected.collect(), form).decode() + ending, generate(collected).decode()
    assert samples(parse(ours)) == samples(parse(theirs))
    assert heads(ours) == heads(theirs)
    assert {family.type for family in collected.collect()} == {"gauge", "counter"}
    assert "{}" not in ours


def test_no_account_has_no_counters() -> None:
    assert render_scrapes([], "text") == b""


def test_counters_exist_at_zero_from_the_start_and_unknown_gauges_do_not() -> None:
    text = accounts_text([AccountStatus("fresh", Traffic(), Statistics(), ("get-queue", "token"))], "text")
    assert 'mimecast_up{account="fresh"} 0\n' in text
    assert 'mimecast_api_requests_total{account="fresh",endpoint="get-queue",code="200"} 0\n' in text
    assert 'mimecast_api_requests_total{account="fresh",endpoint="token",code="200"} 0\n' in text
    assert text.count("mimecast_api_failures_total{") == 11
    assert "mimecast_cache_stale_served_total" in text
    for absent in ("data_timestamp", "api_rate_limit", "clock_skew", "awareness_campaigns", "duration", "bytes"):
        assert absent not in text


PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


OPENMETRICS = "application/openmetrics-text"


@pytest.mark.parametrize(
    "accept",
    [
        PROMETHEUS_2,
        PROMETHEUS_3,
        OPENMETRICS,
        f"{OPENMETRICS};x=a=b",
        "*/*",
        "",
        "text/html",
    ],
)
def test_the_format_is_the_one_the_library_would_choose(accept: str) -> None:
    chosen = choose_encoder(accept)[1]
    assert choose_format(accept) == ("openmetrics" if "openmetrics" in chosen else "text")


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text;version=9.9.9",
        "application/openmetrics-text;version=x",
        "application/openmetrics-text;q=0",
        ";;=,=;",
        "\x00",
    ],
)
def test_a_format_that_is_not_served_or_not_wanted_gives_plain_text(accept: str) -> None:
    assert choose_format(accept) == "text"


def test_a_version_may_stand_in_quotes_or_be_the_draft_that_older_servers_ask_for() -> None:
    assert choose_format(f"{OPENMETRICS};version=0.0.1") == "openmetrics"
    assert choose_format(f'{OPENMETRICS}; version="1.0.0"; charset=utf-8') == "openmetrics"


@pytest.mark.parametrize(
    ("header", "accepted"),
    [("gzip", True), ("deflate, gzip;q=1.0, *;q=0.5", True), ("GZIP", True), ("gzip;q=0", False),
     ("gzip; q=0.0", False), ("identity", False), ("", False), ("br", False), ("gzip;q=x", True), ("gzip;x=a=b", True)],
)  # fmt: skip
def test_gzip_is_served_where_it_is_accepted(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=2000) | st.integers(0, 400_000).map(bytes), max_size=5), st.binary(max_size=3000))
def test_the_kept_part_and_the_new_part_are_one_gzip_member(kept: list[bytes], own: bytes) -> None:
    prefix = asyncio.run(pack_prefix(kept))
    body = b"".join(finish_member(prefix, own))
    unpacker = zlib.decompressobj(wbits=31)
    assert unpacker.decompress(body) == b"".join(kept) + own
    assert unpacker.eof
    assert unpacker.unused_data == b""
    assert gzip.decompress(body) == b"".join(kept) + own


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(1, 64))
def test_slices_hold_the_same_bytes_and_none_is_larger_than_asked(parts: list[bytes], size: int) -> None:
    cut = list(slices(parts, size))
    assert b"".join(cut) == b"".join(parts)
    assert all(0 < len(piece) <= size for piece in cut)
