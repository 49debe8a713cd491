"""The simulated API: its endpoints behind both kinds of authentication, with faults and a rate limit."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .accounts import SimulatedAccount, fleet
from .authentication import Authentication, Refused
from .campaigns import Queue
from .company import PATHS, Company, Endpoint
from .control import Control
from .faults import Fault, FaultEndpoint, Faults, refusal
from .items import Item

QUEUE_PATH = PATHS["get-queue"]
TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, not a password
#: Endpoints that answer in pages where the simulator has a page size.
_PAGED = ("get-queue", "get-campaign")


@dataclass(frozen=True)
class Recorded:
    """A request received: `account` is empty where it is not known, `status` is the answer's."""

    endpoint: FaultEndpoint
    account: str
    status: int


class Simulator:
    """A Mimecast API.

    Args:
        accounts: the accounts that may call.
        campaigns: the number of training campaigns of each account.
        seed: determines every account's data.
        clock: the API's clock, in seconds since the epoch.
        speed: how many times faster than the clock the accounts' data moves.
        page_size: items a page, None for one page without pagination as get-queue is documented.
        token_lifetime: in seconds.
        rate_limit: calls a minute for each account.
        body_size: bytes of each email body.
        answer_key: `title.correctAnswers` holds the number of the correct option instead of a count.

    """

    def __init__(
        self,
        accounts: Sequence[SimulatedAccount] = fleet(3),
        *,
        campaigns: int = 16,
        seed: int = 1,
        clock: Callable[[], float] = time.time,
        speed: float = 1.0,
        page_size: int | None = None,
        token_lifetime: float = 1799.0,
        rate_limit: int = 300,
        body_size: int = 300,
        answer_key: bool = False,
    ) -> None:
        self.accounts = tuple(accounts)
        self.faults = Faults()
        self.requests: list[Recorded] = []
        self.advanced = 0.0
        self._clock = clock
        self._speed = speed
        self._began = clock()
        self._page_size = page_size
        self._limit = rate_limit
        self._authentication = Authentication(self.accounts, clock, token_lifetime)
        self._windows: dict[str, tuple[int, int]] = {}
        self._companies = {
            account.name: Company(
                Queue(seed, account.name, campaigns, self._began, body_size, account.version == "1.0", answer_key)
            )
            for account in accounts
        }

    @property
    def campaign_time(self) -> float:
        """The time that the accounts' data has reached, in seconds since the epoch."""
        return self._began + (self._clock() - self._began) * self._speed + self.advanced

    def items(self, account: str, endpoint: Endpoint, moment: float) -> Sequence[Item]:
        """Return all that an endpoint has for an account at a time; an unchanged item is the same object as before."""
        return self._companies[account].items(endpoint, moment)

    def application(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                *(Route(path, self._handler(endpoint), methods=["POST"]) for endpoint, path in PATHS.items()),
                Route(TOKEN_PATH, self._token, methods=["POST"]),
                *Control(self).routes(),
            ],
            exception_handlers={ClientDisconnect: _client_left},
        )

    def _handler(self, endpoint: Endpoint) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            body = await request.body()
            try:
                account = self._authentication.caller(request)
                self._count(account)
                page_token = _page_token(body)
            except Refused as refused:
                return self._answer(endpoint, refused.account, JSONResponse(refused.body, refused.status))
            fault = self.faults.take(endpoint, account.name)
            if fault is not None:
                await asyncio.sleep(fault.delay)
                if fault.answers:
                    return self._answer(endpoint, account.name, fault.response())
            page = self._page(endpoint, account, page_token, fault)
            return self._answer(endpoint, account.name, Response(page, media_type="application/json"))

        return handle

    def _page(self, endpoint: Endpoint, account: SimulatedAccount, token: str | None, fault: Fault | None) -> bytes:
        everything = self.items(account.name, endpoint, self.campaign_time)
        size = self._page_size if endpoint in _PAGED else None
        first = _page_start(token)
        last = first + size if size else len(everything)
        items = [item | fault.replace for item in everything[first:last]] if fault else everything[first:last]
        next_token = f"page-{last}" if last < len(everything) else None
        if fault is not None and fault.endless:
            next_token = "page-0" if fault.endless == "same" else f"page-{secrets.randbelow(10**9)}"
        meta: dict[str, Any] = {"status": 200}
        if size or next_token:
            meta["pagination"] = {"pageSize": size or len(everything), "totalCount": len(everything)}
            meta["pagination"] |= {"next": next_token} if next_token else {}
        return json.dumps({"fail": [], "meta": meta, "data": items}).encode()

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        account = self._authentication.account_of(form.get("client_id", ""))
        name = account.name if account else ""
        fault = self.faults.take("token", name)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.answers:
                return self._answer("token", name, fault.response())
        try:
            return self._answer("token", name, JSONResponse(self._authentication.issue_token(form)))
        except Refused as refused:
            return self._answer("token", name, JSONResponse(refused.body, refused.status))

    def _count(self, account: SimulatedAccount) -> None:
        window = int(self._clock() // 60)
        started, used = self._windows.get(account.name, (window, 0))
        used = used + 1 if started == window else 1
        self._windows[account.name] = (window, used)
        if used > self._limit:
            raise Refused(429, refusal("rate_limit", "Rate limit exceeded"), account.name)

    def _answer(self, endpoint: FaultEndpoint, account: str, response: Response) -> Response:
        self.requests.append(Recorded(endpoint, account, response.status_code))
        _, used = self._windows.get(account, (0, 0))
        defaults = {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(max(0, self._limit - used)),
            "X-RateLimit-Reset": str(int((60 - self._clock() % 60) * 1000)),
            "Date": formatdate(self._clock(), usegmt=True),
        }
        for name, value in defaults.items():
            response.headers.setdefault(name, value)
        return response


async def _client_left(_: Request, __: Exception) -> Response:
    """Return a response that nobody receives, so that a client that left early is not logged as an error."""
    return Response(status_code=400)


def _page_token(body: bytes) -> str | None:
    """Return the page token of a request's body.

    Raises:
        Refused: the body is not JSON, or has no list `data`.

    """
    try:
        given: Any = json.loads(body)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, Mapping) or not isinstance(given.get("data"), list):
        raise Refused(400, refusal("err_validation", "The body is not valid"))
    for key in ("meta", "pagination", "pageToken"):
        given = given.get(key) if isinstance(given, Mapping) else None
    return given if isinstance(given, str) else None


def _page_start(token: str | None) -> int:
    """Return the number of a page's first item; a token that the API did not issue means the first page."""
    number = token.removeprefix("page-") if token else ""
    return int(number) if number.isascii() and number.isdigit() and len(number) < 12 else 0
