"""The bound on answers in preparation."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from exporter.http.middleware.max_requests import MaxRequests
from exporter.http.server.server import Server
from tests.http.serving import SampleApp, connected, request, serving

pytestmark = pytest.mark.anyio


@pytest.fixture
def refusals() -> list[None]:
    """One entry for each refusal."""
    return []


@pytest.fixture
async def server(app: SampleApp, refusals: list[None]) -> AsyncIterator[Server]:
    """A server that prepares one answer at a time."""
    limited = MaxRequests(app, 1, exempt_paths=["/-/healthy"], on_refused=lambda: refusals.append(None))
    async with serving(limited, stop=app.waiting.set) as running:
        yield running


async def test_beyond_the_limit_a_request_is_refused_with_503_and_when_to_retry(
    server: Server, app: SampleApp, refusals: list[None]
) -> None:
    async with connected(server) as waiting, connected(server) as wire:
        await waiting.send(request("/wait"))
        await app.begun.wait()
        status, headers, body = await wire.ask(request())
        assert (status, headers["retry-after"], len(refusals)) == (503, "1", 1)
        assert b"try again" in body
        app.waiting.set()
        await waiting.answer()
        assert (await wire.ask(request()))[0] == 200


async def test_exempt_paths_are_answered_whatever_the_load(server: Server, app: SampleApp) -> None:
    async with connected(server) as waiting, connected(server) as wire:
        await waiting.send(request("/wait"))
        await app.begun.wait()
        assert (await wire.ask(request("/-/healthy")))[2] == b"GET /-/healthy\n"


async def test_an_answer_being_sent_to_a_slow_reader_does_not_count(server: Server, app: SampleApp) -> None:
    async with connected(server, slow=True) as slow, connected(server) as wire:
        await slow.send(request("/large"))
        await app.begun.wait()
        assert (await wire.ask(request()))[0] == 200


async def test_a_client_that_hangs_up_frees_its_place_when_its_answer_is_done(server: Server, app: SampleApp) -> None:
    async with connected(server) as gone:
        await gone.send(request("/wait"))
        await app.begun.wait()
    app.waiting.set()
    async with connected(server) as wire:
        assert (await wire.ask(request()))[0] == 200


async def test_no_limit_refuses_nobody(app: SampleApp) -> None:
    unlimited = MaxRequests(app, 0)
    async with serving(unlimited, stop=app.waiting.set) as server, connected(server) as waiting:
        await waiting.send(request("/wait"))
        await app.begun.wait()
        async with connected(server) as wire:
            assert (await wire.ask(request()))[0] == 200
