"""What stands before every route, over real sockets: credentials, the rate limit, headers."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import bcrypt
import pytest

from exporter.http.middleware.authentication import Authenticator
from exporter.http.middleware.protection import Protection, TokenBucket
from exporter.http.server.server import Server
from exporter.http.webconfig.loading import WebConfig
from exporter.http.webconfig.schema import GoDuration, RateLimit
from tests.http.serving import SampleApp, connected, request, serving

pytestmark = pytest.mark.anyio

CHEAP = bcrypt.hashpw(b"s3cret:with colon", bcrypt.gensalt(4))
COSTLY = bcrypt.hashpw(b"other", bcrypt.gensalt(5))
USERS = {b"alice": CHEAP, "zo\u00eb".encode(): COSTLY}


@dataclass
class Clock:
    """A clock that tests move."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class CountedChecks:
    """bcrypt, whose calls are counted with the cost of the hash they were for."""

    costs: list[int] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    started: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        self.costs.append(int(hashed.split(b"$")[2]))
        self.started.set()
        self.gate.wait(10)
        return bcrypt.checkpw(password, hashed)


@dataclass
class Guarded:
    """A protected server, and what its protection looks at."""

    server: Server
    config: WebConfig
    checks: CountedChecks
    clock: Clock

    async def status(self, *headers: str, path: str = "/") -> int:
        async with connected(self.server) as wire:
            return (await wire.ask(request(path, *headers)))[0]


@pytest.fixture
async def guarded(app: SampleApp) -> AsyncIterator[Guarded]:
    """A server that needs a password."""
    checks, clock = CountedChecks(), Clock()
    holder: list[Guarded] = []
    protection = Protection(
        app, lambda: holder[0].config, ["/-/healthy", "/-/ready"], authenticator=Authenticator(checks), clock=clock
    )
    async with serving(protection, stop=app.waiting.set) as server:
        holder.append(Guarded(server, WebConfig(users=USERS), checks, clock))
        yield holder[0]
        checks.gate.set()


def basic(name: bytes | str, password: bytes | str) -> str:
    pair = b":".join(part.encode() if isinstance(part, str) else part for part in (name, password))
    return f"Authorization: Basic {base64.b64encode(pair).decode()}"


RIGHT = basic("alice", "s3cret:with colon")


async def test_without_credentials_everything_is_refused_with_a_challenge(guarded: Guarded, app: SampleApp) -> None:
    async with connected(guarded.server) as wire:
        for path in ("/", "/metrics", "/config", "/sd", "/-/reload", "/-/healthy/", "//-/healthy", "/-/HEALTHY"):
            status, headers, body = await wire.ask(request(path))
            assert (status, body) == (401, b"Unauthorized\n")
            assert headers["www-authenticate"].startswith("basic realm=")
    assert app.requests == []


async def test_the_right_password_lets_in(guarded: Guarded) -> None:
    assert await guarded.status(RIGHT) == 200
    assert await guarded.status(basic("zo\u00eb", "other")) == 200
    assert await guarded.status(RIGHT.replace("Basic", "bAsIc")) == 200


@pytest.mark.parametrize(
    "header",
    [
        basic("alice", "wrong"),
        basic("alice", ""),
        basic("", ""),
        basic("nobody", "s3cret:with colon"),
        basic("alice", b"s3cret:with colon\0"),
        basic("alice", b"\xff\xfe"),
        basic("alice", "x" * 5000),
        "Authorization: Basic",
        "Authorization: Basic !!!",
        "Authorization: Basic " + base64.b64encode(b"no colon").decode(),
        "Authorization: Bearer token",
        f"{RIGHT}\r\n{RIGHT}",
        f"X-{RIGHT}",
    ],
)
async def test_wrong_and_malformed_credentials_are_refused(guarded: Guarded, header: str) -> None:
    assert await guarded.status(header) == 401


async def test_a_long_password_is_cut_where_bcrypt_stops_reading_as_in_go(guarded: Guarded) -> None:
    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4))
    guarded.config = WebConfig(users={b"alice": hashed})
    assert await guarded.status(basic("alice", "x" * 80)) == 200
    assert await guarded.status(basic("alice", "x" * 71)) == 401


async def test_health_needs_no_credentials(guarded: Guarded) -> None:
    for path in ("/-/healthy", "/-/ready"):
        assert await guarded.status(path=path) == 404  # the sample application has no such route: it was asked
    assert guarded.checks.costs == []


async def test_a_password_is_hashed_once_and_then_remembered(guarded: Guarded) -> None:
    for _ in range(3):
        assert await guarded.status(RIGHT) == 200
        assert await guarded.status(basic("alice", "wrong")) == 401
    assert guarded.checks.costs == [4, 4]


async def test_a_flood_of_wrong_passwords_makes_no_right_one_forgotten(guarded: Guarded) -> None:
    authenticator = Authenticator(guarded.checks)
    assert await authenticator.accepts(USERS, b"alice", b"s3cret:with colon")
    for number in range(1_100):
        await authenticator.accepts(USERS, b"alice", b"%d" % number)
    asked = len(guarded.checks.costs)
    assert await authenticator.accepts(USERS, b"alice", b"s3cret:with colon")
    assert len(guarded.checks.costs) == asked
    assert not await authenticator.accepts(USERS, b"alice", b"0")  # forgotten, so asked again
    assert len(guarded.checks.costs) == asked + 1


async def test_a_user_that_does_not_exist_costs_what_one_that_does_costs(guarded: Guarded) -> None:
    for number in range(20):
        assert await guarded.status(basic(f"nobody{number}", "x")) == 401
    assert set(guarded.checks.costs) == {4, 5}
    guarded.checks.costs.clear()
    for _ in range(2):
        await guarded.status(basic("nobody0", "y"))
        await guarded.status(basic("nobody0", "z"))
    assert len(set(guarded.checks.costs)) == 1  # always the same for the same name


async def test_a_password_that_was_right_is_not_once_the_hash_is_another(guarded: Guarded) -> None:
    assert await guarded.status(RIGHT) == 200
    guarded.config = WebConfig(users={b"alice": COSTLY})
    assert await guarded.status(RIGHT) == 401
    guarded.config = WebConfig(users={b"bob": CHEAP})
    assert await guarded.status(RIGHT) == 401


async def test_hashing_delays_no_other_request(guarded: Guarded) -> None:
    assert await guarded.status(RIGHT) == 200
    guarded.checks.gate.clear()
    async with connected(guarded.server) as slow:
        await slow.send(request("/", basic("alice", "slow")))
        await asyncio.to_thread(guarded.checks.started.wait, 5)
        assert await guarded.status(RIGHT) == 200
        assert await guarded.status(path="/-/healthy") == 404
        guarded.checks.gate.set()
        assert (await slow.answer())[0] == 401


async def test_credentials_that_arrive_together_are_hashed_once(guarded: Guarded) -> None:
    assert await asyncio.gather(*(guarded.status(RIGHT) for _ in range(10))) == [200] * 10
    assert guarded.checks.costs == [4]


async def test_a_client_that_hangs_up_does_not_end_the_check_of_another(guarded: Guarded) -> None:
    guarded.checks.gate.clear()
    async with connected(guarded.server) as gone:
        await gone.send(request("/", RIGHT))
        await asyncio.to_thread(guarded.checks.started.wait, 5)
    other = asyncio.create_task(guarded.status(RIGHT))
    await asyncio.sleep(0.05)
    guarded.checks.gate.set()
    assert await other == 200
    assert guarded.checks.costs == [4]


async def test_more_passwords_than_can_be_hashed_are_refused_at_once(guarded: Guarded) -> None:
    guarded.checks.gate.clear()
    waiting = [asyncio.create_task(guarded.status(basic("alice", f"{number}"))) for number in range(40)]
    done, _ = await asyncio.wait(waiting, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    assert {task.result() for task in done} == {429}
    guarded.checks.gate.set()
    assert sorted(set(await asyncio.gather(*waiting))) == [401, 429]


async def test_the_rate_limit_allows_a_burst_and_then_one_request_an_interval(guarded: Guarded) -> None:
    guarded.config = WebConfig(rate_limit=RateLimit(interval=GoDuration(10), burst=2))
    assert [await guarded.status() for _ in range(3)] == [200, 200, 429]
    assert await guarded.status(path="/-/healthy") == 404
    guarded.clock.now += 10
    assert [await guarded.status() for _ in range(2)] == [200, 429]
    guarded.clock.now += 1000
    assert [await guarded.status() for _ in range(3)] == [200, 200, 429]


async def test_a_burst_of_0_refuses_every_request_as_the_toolkit_does(guarded: Guarded) -> None:
    guarded.config = WebConfig(rate_limit=RateLimit(interval=GoDuration(1), burst=0))
    guarded.clock.now += 1000
    assert await guarded.status() == 429


async def test_the_rate_limit_comes_before_the_passwords(guarded: Guarded) -> None:
    guarded.config = replace(guarded.config, rate_limit=RateLimit(interval=GoDuration(10), burst=1))
    assert await guarded.status(RIGHT) == 200
    assert await guarded.status(basic("alice", "wrong")) == 429
    assert guarded.checks.costs == [4]


async def test_a_bucket_never_holds_more_than_its_burst() -> None:
    clock = Clock()
    bucket = TokenBucket(RateLimit(interval=GoDuration(0.5), burst=1), clock)
    clock.now = 100
    assert [bucket.allows(), bucket.allows()] == [True, False]


async def test_configured_headers_are_on_every_answer_in_place_of_the_applications(guarded: Guarded) -> None:
    headers = (("X-Frame-Options", "deny"), ("Content-Length-Like", "x"))
    guarded.config = replace(guarded.config, headers=headers)
    async with connected(guarded.server) as wire:
        for line, status in ((RIGHT, 200), ("X: y", 401)):
            answer = await wire.ask(request("/", line))
            assert (answer[0], answer[1]["x-frame-options"]) == (status, "deny")
    guarded.config = replace(guarded.config, headers=(("Content-Type", "text/x-ours"),))
    async with connected(guarded.server) as wire:
        await wire.send(request("/", "Connection: close"))
        head = (await wire.rest()).lower()
    assert head.count(b"content-type:") == 1
    assert b"content-type: text/x-ours" in head
