"""Content negotiation against prometheus_client, and beyond it: quality values and several header lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import choose_encoder

from exporter.exposition.negotiation import accepts_gzip, choose_format

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


@given(st.integers(1, 1000), st.integers(1, 1000), st.booleans())
def test_the_format_of_the_higher_quality_is_served_in_whatever_order_and_lines(om: int, text: int, swap: bool) -> None:
    offers = [f"{OPENMETRICS};q={om / 1000}", f"text/plain;version=0.0.4;q={text / 1000}"]
    if swap:
        offers.reverse()
    expected = "openmetrics" if om > text else "text"
    assert choose_format(",".join(offers)) == choose_format(", ".join(offers)) == expected


@given(st.integers(1, 1000), st.integers(1, 1000), st.sampled_from(["*/*", "text/*"]), st.booleans())
def test_of_equal_qualities_a_format_that_is_named_is_preferred_to_a_wildcard(
    om: int, other: int, wildcard: str, swap: bool
) -> None:
    offers = [f"{OPENMETRICS};q={om / 1000}", f"{wildcard};q={other / 1000}"]
    assert choose_format(",".join(offers[::-1] if swap else offers)) == ("openmetrics" if om >= other else "text")


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_gzip_is_served_where_it_is_accepted_and_uncompressed_text_is_not_preferred(gzip: int, identity: int) -> None:
    lines = [f"identity;q={identity / 1000}", f"gzip;q={gzip / 1000}"]
    assert accepts_gzip(",".join(lines)) is (gzip > 0 and gzip >= identity)


@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_header_is_read(lines: list[str]) -> None:
    assert choose_format(",".join(lines)) in ("text", "openmetrics")
    assert accepts_gzip(",".join(lines)) in (True, False)
