"""A head within the bounds is taken, one beyond them is refused, wherever its bytes are cut."""

from __future__ import annotations

import itertools

from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter.http.server.limits import Limits
from fuzzing.http import outcome

_LIMITS = Limits(header_bytes=400, linger_time=0.0)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    target_size=st.integers(80, 150),
    value_sizes=st.lists(st.integers(50, 110), min_size=2, max_size=3),
    cuts=st.lists(st.integers(1, 500), min_size=1, max_size=8),
)
@example(target_size=150, value_sizes=[100, 114], cuts=[1, 402])
@example(target_size=150, value_sizes=[100, 115], cuts=[])
def test_where_a_head_is_cut_decides_nothing(target_size: int, value_sizes: list[int], cuts: list[int]) -> None:
    target = "/" + "t" * (target_size - 1)
    headers = [(f"x-{place}", "v" * size) for place, size in enumerate(value_sizes)]
    lines = [("host", "a"), *headers]
    written = [f"{name}: {value}\r\n" for name, value in lines]
    head = f"GET {target} HTTP/1.1\r\n{''.join(written)}\r\n".encode()
    places = [0, *sorted(cuts), len(head)]
    pieces = [head[begin:end] for begin, end in itertools.pairwise(places)]
    asked, answers = outcome([piece for piece in pieces if piece], _LIMITS)
    fits = len(head) - len("\r\n\r\n") <= _LIMITS.header_bytes
    assert (len(asked), len(answers)) == (int(fits), 1)
