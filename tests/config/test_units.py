"""Durations and sizes as Prometheus writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.scalars import Duration, Size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("0s", 0), ("500ms", 0.5), ("1h30m", 5400), ("400d", 34_560_000), ("1y2w", 365 * 86400 + 14 * 86400)],
)
def test_durations_are_written_as_in_prometheus(text: str, seconds: float) -> None:
    assert Duration.parse(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "1.5h", "5 m", "-5m", "5M", "m", "30m1h", "5m5m", "\u0665m", "9" * 5000 + "s", "5m\n"]
)
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        Duration.parse(text)


@given(st.integers(0, 9_000_000_000_000))
def test_a_duration_survives_being_written_and_read(milliseconds: int) -> None:
    duration = Duration(milliseconds / 1000)
    assert Duration.parse(str(duration)) == pytest.approx(duration)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0B", 0), ("1B", 1), ("512KB", 524288), ("64MiB", 67108864), ("10MB", 10485760), ("1GB", 1 << 30)],
)
def test_sizes_are_powers_of_1024_as_in_prometheus(text: str, size: int) -> None:
    assert Size.parse(text) == size


@pytest.mark.parametrize("text", ["", "5", "1.5MB", "64 MiB", "-1MB", "64mb", "64M", "9" * 5000 + "MB"])
def test_anything_else_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        Size.parse(text)


@given(st.integers(0, 1 << 45))
def test_a_size_survives_being_written_and_read(size: int) -> None:
    assert Size.parse(str(Size(size))) == size
