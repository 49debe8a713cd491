"""The bound on answers in preparation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from exporter.http.middleware.max_requests import MaxRequests, waiting
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


async def test_without_a_limit_no_request_is_refused(app: SampleApp) -> None:
    unlimited = MaxRequests(app, 0)
    async with serving(unlimited, stop=app.waiting.set) as server, connected(server) as waiting:
        await waiting.send(request("/wait"))
        await app.begun.wait()
        async with connected(server) as wire:
            assert (await wire.ask(request()))[0] == 200


class _Program:
    """Answers each request by the script that its path names: w waits for the API, p prepares; by an event each."""

    def __init__(self) -> None:
        self.gates: dict[str, asyncio.Event] = {}
        self.preparing = 0
        self.most = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for place, step in enumerate(scope["path"].rpartition("/")[2]):
            gate = self.gates.setdefault(f"{scope['path']}:{place}", asyncio.Event())
            if step == "w":
                with waiting(scope):
                    await gate.wait()
            else:
                self.preparing += 1
                await gate.wait()
                self.preparing -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        with waiting(scope):
            await send({"type": "http.response.body", "body": b""})


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def _ask(app: MaxRequests, path: str) -> int:
    """The status of an answer."""
    statuses: list[int] = []

    async def receive() -> Message:
        raise AssertionError("nothing reads a body")

    async def send(message: Message) -> None:
        statuses.append(message.get("status", 0))

    await app({"type": "http", "path": path}, receive, send)
    return statuses[0]


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(limit=st.integers(1, 3), waiting_requests=st.integers(0, 30), preparing_requests=st.integers(0, 6))
def test_requests_that_wait_for_the_api_keep_no_other_from_being_answered(
    limit: int, waiting_requests: int, preparing_requests: int
) -> None:
    async def trial() -> None:
        program = _Program()
        app = MaxRequests(program, limit)
        hanging = [asyncio.create_task(_ask(app, f"/{number}/wp")) for number in range(waiting_requests)]
        await _settle()
        preparing = [asyncio.create_task(_ask(app, f"/p{number}/p")) for number in range(preparing_requests)]
        await _settle()
        refused = [task for task in preparing if task.done()]
        assert [task.result() for task in refused] == [503] * max(0, preparing_requests - limit)
        assert program.preparing == min(limit, preparing_requests)
        for gate in program.gates.values():
            gate.set()
        await _settle()
        for gate in program.gates.values():
            gate.set()
        answers = await asyncio.gather(*hanging, *(task for task in preparing if task not in refused))
        assert set(answers) <= {200}
        assert await asyncio.gather(*(_ask(app, f"/{number}/") for number in range(20))) == [200] * 20

    asyncio.run(trial())


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(scripts=st.lists(st.text("wp", max_size=4), min_size=1, max_size=8), cancelled=st.sets(st.integers(0, 7)))
def test_every_slot_comes_back_however_requests_wait_prepare_and_end(scripts: list[str], cancelled: set[int]) -> None:
    async def trial() -> None:
        program = _Program()
        app = MaxRequests(program, 1)
        tasks = [asyncio.create_task(_ask(app, f"/{number}/{script}")) for number, script in enumerate(scripts)]
        for _ in range(6):
            await _settle()
            for number in cancelled & set(range(len(tasks))):
                tasks[number].cancel()
            for gate in program.gates.values():
                gate.set()
        await asyncio.wait(tasks)
        assert await _ask(app, "/last/") == 200
        again = asyncio.create_task(_ask(app, "/held/p"))
        await _settle()
        assert await _ask(app, "/refused/p") == 503
        program.gates["/held/p:0"].set()
        assert await again == 200

    asyncio.run(trial())
