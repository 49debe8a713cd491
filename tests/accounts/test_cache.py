from __future__ import annotations

import asyncio

import pytest

from exporter.accounts.backoff import FIRST_PAUSE, JITTER, MAX_PAUSE, Backoff
from exporter.accounts.cache import Cache, Statistics, get_all
from tests.clocks import Clock

pytestmark = pytest.mark.anyio


class Refused(Exception):
    def __init__(self, retry_after: float | None = None, *, concerns_credentials: bool = False) -> None:
        super().__init__()
        self.retry_after = retry_after
        self.concerns_credentials = concerns_credentials


class Source:
    """Something to fetch from: counts, and does what the test says."""

    def __init__(self) -> None:
        self.fetches = 0
        self.failure: Exception | None = None
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> int:
        self.fetches += 1
        number = self.fetches
        self.asked.set()
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return number


class Setting:
    def __init__(self, ttl: float = 300, max_stale: float = 3600) -> None:
        self.clock = Clock()
        self.source = Source()
        self.credentials = Backoff(self.clock)
        self.cache = self.another(self.source, ttl=ttl, max_stale=max_stale)

    def another(self, source: Source, ttl: float = 300, max_stale: float = 3600) -> Cache[int]:
        """A cache of the same credentials."""
        return Cache(
            source,
            ttl=ttl,
            max_stale=max_stale,
            credentials=self.credentials,
            statistics=Statistics(),
            clock=self.clock,
        )

    async def value(self, timeout: float = 5) -> int | None:
        return await value_of(self.cache, timeout)


async def value_of(cache: Cache[int], timeout: float = 5) -> int | None:
    (value,) = await get_all([cache], timeout)
    number: int | None = value
    return number


async def test_within_the_time_to_live_nothing_is_fetched() -> None:
    setting = Setting(ttl=300)
    assert await setting.value() == 1
    setting.clock.advance(299.9)
    assert await setting.value() == 1
    assert setting.source.fetches == 1
    assert (setting.cache.statistics.requests, setting.cache.statistics.hits) == (2, 1)


async def test_after_the_time_to_live_the_first_request_fetches() -> None:
    setting = Setting(ttl=300)
    await setting.value()
    setting.clock.advance(300)
    assert await setting.value() == 2
    assert setting.cache.statistics.stale_served == 0


async def test_with_no_time_to_live_every_request_fetches() -> None:
    setting = Setting(ttl=0, max_stale=0)
    assert [await setting.value() for _ in range(3)] == [1, 2, 3]
    assert setting.cache.statistics.hits == 0
    assert setting.cache.statistics.stale_served == 0


async def test_requests_that_arrive_together_fetch_once() -> None:
    setting = Setting()
    answers = await asyncio.gather(*(setting.value() for _ in range(10)))
    assert answers == [1] * 10
    assert setting.source.fetches == 1


async def test_who_cannot_wait_gets_what_is_there_and_the_fetch_serves_the_next() -> None:
    setting = Setting(ttl=300)
    await setting.value()
    setting.clock.advance(301)
    setting.source.gate.clear()
    assert await setting.value(timeout=0) == 1
    assert setting.cache.statistics.stale_served == 1
    setting.source.gate.set()
    assert await setting.value() == 2
    assert setting.source.fetches == 2


async def test_a_waiter_that_hangs_up_cancels_nothing_for_the_others() -> None:
    setting = Setting()
    setting.source.gate.clear()
    impatient = asyncio.create_task(setting.value())
    patient = asyncio.create_task(setting.value())
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    setting.source.gate.set()
    assert await patient == 1


async def test_while_fetching_fails_the_last_value_is_served_until_its_time() -> None:
    setting = Setting(ttl=300, max_stale=3600)
    await setting.value()
    setting.source.failure = Refused()
    setting.clock.advance(3899)
    assert await setting.value() == 1
    assert setting.cache.statistics.stale_served == 1
    setting.clock.advance(1)
    assert await setting.value() is None


async def test_a_value_comes_back_after_it_had_ended() -> None:
    setting = Setting(ttl=1, max_stale=1)
    await setting.value()
    setting.source.failure = Refused()
    setting.clock.advance(2)
    assert await setting.value() is None
    setting.source.failure = None
    setting.clock.advance(3600)
    assert await setting.value() == 3


@pytest.mark.parametrize("ttl", [0, 300])
async def test_after_a_failure_nothing_is_fetched_until_the_pause_ends(ttl: float) -> None:
    setting = Setting(ttl=ttl)
    setting.source.failure = Refused()
    await setting.value()
    setting.clock.advance(FIRST_PAUSE - 0.01)
    await setting.value()
    assert setting.source.fetches == 1
    setting.clock.advance(0.01 + FIRST_PAUSE * JITTER)
    await setting.value()
    assert setting.source.fetches == 2


async def test_a_requested_pause_is_kept_exactly() -> None:
    setting = Setting(ttl=0)
    setting.source.failure = Refused(retry_after=3.0)
    await setting.value()
    setting.clock.advance(2.99)
    await setting.value()
    assert setting.source.fetches == 1
    setting.clock.advance(0.01)
    await setting.value()
    assert setting.source.fetches == 2


async def test_a_value_that_is_fresh_is_served_during_a_pause_and_counts_as_a_hit() -> None:
    setting = Setting(ttl=300)
    await setting.value()
    setting.credentials.failed(setting.clock(), 3600)
    assert await setting.value() == 1
    assert setting.cache.statistics.hits == 1


async def test_closing_answers_who_waits_and_starts_nothing_more() -> None:
    setting = Setting()
    setting.source.gate.clear()
    waiting = asyncio.create_task(setting.value())
    await setting.source.asked.wait()
    await setting.cache.close()
    assert not setting.cache.is_refreshing
    setting.source.gate.set()
    assert await waiting is None
    assert await setting.value() is None
    assert setting.source.fetches == 1
    assert setting.cache.next_attempt_in == 0


async def test_closing_what_fetches_nothing_starts_nothing_more() -> None:
    setting = Setting(ttl=0)
    assert await setting.value() == 1
    await setting.cache.close()
    setting.clock.advance(1)
    assert await setting.value() == 1
    assert setting.source.fetches == 1


async def test_each_request_is_counted_by_how_it_was_answered() -> None:
    setting = Setting(ttl=10, max_stale=100)
    for _ in range(3):
        await setting.value()
    setting.source.failure = Refused(retry_after=1000)
    setting.clock.advance(10)
    for _ in range(4):
        assert await setting.value() == 1
    assert setting.cache.statistics == Statistics(requests=7, hits=2, stale_served=4)


async def test_a_failure_that_asks_for_no_pause_gets_one_of_five_seconds_and_jitter() -> None:
    setting = Setting(ttl=0)
    setting.source.failure = RuntimeError("anything")
    assert await setting.value() is None
    assert FIRST_PAUSE <= setting.cache.next_attempt_in <= FIRST_PAUSE * (1 + JITTER)


def failures(backoff: Backoff, clock: Clock, number: int) -> list[float]:
    pauses = []
    for _ in range(number):
        backoff.failed(clock(), None)
        pauses.append(backoff.remaining)
        clock.advance(backoff.remaining)
    return pauses


def test_pauses_double_up_to_five_minutes() -> None:
    clock = Clock()
    assert failures(Backoff(clock, lambda: 0.0), clock, 9) == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert MAX_PAUSE == 300


def test_chance_lengthens_a_pause_by_a_fifth_at_most() -> None:
    clock = Clock()
    assert failures(Backoff(clock, lambda: 1.0), clock, 2) == pytest.approx([6, 12])


def test_a_success_ends_the_doubling() -> None:
    clock = Clock()
    backoff = Backoff(clock, lambda: 0.0)
    failures(backoff, clock, 4)
    backoff.succeeded(clock())
    assert failures(backoff, clock, 1) == [5]


def test_attempts_that_fail_side_by_side_count_as_one() -> None:
    clock = Clock()
    backoff = Backoff(clock, lambda: 0.0)
    begun = clock()
    clock.advance(1)
    for _ in range(5):
        backoff.failed(begun, None)
    assert backoff.remaining == 5


def test_what_begins_at_the_moment_of_a_failure_comes_after_it() -> None:
    clock = Clock()
    backoff = Backoff(clock, lambda: 0.0)
    backoff.failed(clock(), None)
    backoff.failed(clock(), None)
    assert backoff.remaining == 2 * FIRST_PAUSE
    backoff.succeeded(clock())
    assert backoff.remaining == 0


def test_a_success_begun_before_a_refusal_does_not_end_its_pause() -> None:
    clock = Clock()
    backoff = Backoff(clock, lambda: 0.0)
    begun = clock()
    clock.advance(1)
    backoff.failed(begun, 60)
    backoff.succeeded(begun)
    assert backoff.remaining == 60


async def test_a_refusal_that_concerns_the_credentials_pauses_all_that_use_them() -> None:
    setting, other_source = Setting(ttl=0), Source()
    other = setting.another(other_source, ttl=0)
    setting.source.failure = Refused(retry_after=10, concerns_credentials=True)
    await setting.value()
    assert await value_of(other) is None
    assert other_source.fetches == 0
    setting.clock.advance(10)
    assert await value_of(other) == 1


async def test_a_refusal_that_concerns_one_collector_delays_no_other() -> None:
    setting, other_source = Setting(ttl=0), Source()
    other = setting.another(other_source, ttl=0)
    setting.source.failure = Refused(retry_after=10)
    await setting.value()
    assert await value_of(other) == 1
    await setting.value()
    assert setting.source.fetches == 1


async def test_an_invalidated_value_is_served_until_a_refresh_succeeds() -> None:
    setting = Setting(ttl=300)
    assert await setting.value() == 1
    setting.cache.invalidate()
    setting.source.failure = Refused(retry_after=10)
    assert await setting.value() == 1
    setting.source.failure = None
    setting.clock.advance(10)
    assert await setting.value() == 3
    assert await setting.value() == 3


async def test_a_refresh_that_started_before_the_value_was_invalidated_does_not_make_it_valid() -> None:
    setting = Setting(ttl=300)
    setting.source.gate.clear()
    waiting = asyncio.create_task(setting.value())
    await setting.source.asked.wait()
    setting.cache.invalidate()
    setting.source.gate.set()
    assert await waiting == 1
    assert await setting.value() == 2


async def test_a_new_time_to_live_holds_for_the_value_that_is_there() -> None:
    setting = Setting(ttl=300)
    await setting.value()
    setting.clock.advance(60)
    setting.cache.ttl = 30
    assert await setting.value() == 2


async def test_several_caches_are_waited_for_together() -> None:
    setting, slow = Setting(), Source()
    slow.gate.clear()
    assert await get_all([setting.cache, setting.another(slow)], timeout=0.05) == [1, None]
    slow.gate.set()
    await setting.cache.idle()


@pytest.mark.parametrize("timeout", [0, 5])
async def test_a_value_fetched_for_a_request_that_still_waits_is_kept_for_it(timeout: float) -> None:
    setting, slow = Setting(ttl=0, max_stale=0), Source()
    slow.gate.clear()
    waiting = asyncio.create_task(get_all([setting.cache, setting.another(slow)], timeout=60))
    await slow.asked.wait()
    await setting.cache.idle()
    setting.clock.advance(1)
    setting.source.failure = Refused()
    assert await setting.value(timeout) is None
    slow.gate.set()
    assert await waiting == [1, 1]


@pytest.mark.parametrize("waited", [0.0, 0.5, 1.0, 400.0])
async def test_a_request_is_counted_once_however_long_its_scrape_waits_for_others(waited: float) -> None:
    setting, slow = Setting(ttl=10, max_stale=1000), Source()
    slow.gate.clear()
    assert await setting.value() == 1
    setting.clock.advance(9.5)
    scrape = asyncio.create_task(get_all([setting.cache, setting.another(slow)], 5))
    await slow.asked.wait()
    setting.clock.advance(waited)
    slow.gate.set()
    assert await scrape == [1, 1]
    assert setting.cache.statistics == Statistics(requests=2, hits=1, stale_served=0)
