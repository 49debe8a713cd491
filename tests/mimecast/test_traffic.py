"""What headers tell is kept until another answer tells otherwise; what is no number tells nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exporter.mimecast import Traffic
from exporter.mimecast.traffic import read_http_date

NOW = 1448369411.0


def told(traffic: Traffic, **headers: str) -> Traffic:
    named = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    traffic.answered("get-queue", 200, named, NOW)
    return traffic


def limits(traffic: Traffic) -> tuple[float | None, float | None, float | None]:
    return traffic.rate_limit, traffic.rate_limit_remaining, traffic.rate_limit_reset_time


def test_limits_are_read_and_the_reset_is_in_milliseconds_from_now() -> None:
    traffic = told(Traffic(), x_ratelimit_limit="100", x_ratelimit_remaining="0", x_ratelimit_reset="30000")
    assert limits(traffic) == (100, 0, NOW + 30)


def test_an_answer_without_rate_limit_headers_keeps_the_previous_values() -> None:
    traffic = told(Traffic(), x_ratelimit_limit="0.5", x_ratelimit_remaining="7", x_ratelimit_reset="500")
    assert limits(told(traffic)) == (0.5, 7, NOW + 0.5)
    for nonsense in ("many", "", "-1", "nan", "inf", "-inf"):
        told(traffic, x_ratelimit_limit=nonsense, x_ratelimit_remaining=nonsense, x_ratelimit_reset=nonsense)
        assert limits(traffic) == (0.5, 7, NOW + 0.5)


def test_the_date_shows_how_far_the_clocks_are_apart() -> None:
    assert told(Traffic(), date="Tue, 24 Nov 2015 12:50:21 GMT").clock_skew == 10
    assert told(Traffic(), date="Tue, 24 Nov 2015 12:49:11 GMT").clock_skew == -60


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
@given(seconds=st.integers(0, 2**32))
def test_a_date_means_the_same_in_each_form_and_in_each_time_zone(zone: str, seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assume(1970 <= moment.year < 2069)  # years of two digits
    forms = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y", "%a, %d %b %Y %T -0000")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        found = {read_http_date(moment.strftime(form)) for form in forms}
    time.tzset()
    assert found == {seconds}


@pytest.mark.parametrize("date", ["", "soon", "Tue, 99 Nov 2015 12:50:11 GMT", "Tue, 24 Nov 99999999999 12:50:11 GMT"])
def test_an_invalid_date_keeps_the_previous_clock_skew(date: str) -> None:
    traffic = told(Traffic(), date="Tue, 24 Nov 2015 12:50:21 GMT")
    assert told(traffic, date=date).clock_skew == 10
    assert told(Traffic()).clock_skew is None


def test_exchanges_are_counted_by_endpoint_and_status() -> None:
    traffic = Traffic()
    for _ in range(2):
        told(traffic)
        traffic.unanswered("token")
    traffic.answered("token", 401, {}, NOW)
    assert traffic.requests == {("get-queue", 200): 2, ("token", None): 2, ("token", 401): 1}
