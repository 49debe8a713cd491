"""The simulated API: its endpoints behind both kinds of authentication, with faults and a rate limit."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from .control import InvalidInput, routes
from .faults import Fault, FaultEndpoint, Faults, refusal
from .items import PATHS, Endpoint, Item
from .phishing import simulations
from .scores import performance, scores

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, not a password
#: Endpoints that answer in pages if the simulator has a page size.
_PAGED = ("get-queue", "get-campaign")


@dataclass(frozen=True)
class Recorded:
    """A request received; `account` is empty if it is unknown."""

    endpoint: FaultEndpoint
    account: str
    status: int


class Simulator:
    """A simulated Mimecast API.

    Args:
        campaigns: the number of training campaigns of each account.
        clock: the API's clock, in seconds since the epoch.
        speed: the speed of the accounts' time, 1 for real time.
        page_size: items in a page; None for a single page, as get-queue is documented.
        rate_limit: calls per minute for each account.
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
        rate_limit: int = 300,
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
        self._authentication = Authentication(self.accounts, clock)
        self._calls = Counter[tuple[str, float]]()
        self._queues = {
            account.name: Queue(seed, account.name, campaigns, self._began, older=account.version == "1.0")
            for account in accounts
        }

    @property
    def campaign_time(self) -> float:
        """The simulated time of the accounts' data, in seconds since the epoch."""
        return self._began + (self._clock() - self._began) * self._speed + self.advanced

    def items(self, account: str, endpoint: Endpoint, moment: float) -> Sequence[Item]:
        """Return all items of an endpoint for an account at a time."""
        queue = self._queues[account]
        if endpoint == "get-queue":
            return queue.items(moment)
        if endpoint == "get-campaign":
            return simulations(queue, moment)
        return [scores(queue, moment) if endpoint == "get-safe-score-summary" else performance(queue, moment)]

    def application(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                *(Route(path, self._handler(endpoint), methods=["POST"]) for endpoint, path in PATHS.items()),
                Route(TOKEN_PATH, self._token, methods=["POST"]),
                *routes(self),
            ],
            exception_handlers={
                # The client has disconnected and does not receive this response.
                ClientDisconnect: lambda _request, _error: Response(status_code=400),
                InvalidInput: lambda _request, error: JSONResponse({"error": str(error)}, 400),
                Refused: self._refuse,
            },
        )

    def _handler(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            body = await request.body()
            account = self._authentication.caller(request)
            self._count(account)
            first = _first_item(body)
            return await self._answer(endpoint, account.name, lambda fault: self._page(endpoint, account, first, fault))

        return handle

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        account = self._authentication.account_of(form.get("client_id", ""))
        name = account.name if account else ""
        return await self._answer("token", name, lambda _: JSONResponse(self._authentication.issue_token(form)))

    def _refuse(self, request: Request, refused: Any) -> Response:
        endpoint: Any = request.url.path.rpartition("/")[2]
        return self._recorded(endpoint, refused.account, JSONResponse(refused.body, refused.status))

    async def _answer(self, endpoint: FaultEndpoint, account: str, respond: Callable[[Fault], Response]) -> Response:
        """Return the answer of an active fault, or the API's, which a fault may delay or change."""
        fault = self.faults.take(endpoint, account) or Fault()
        await asyncio.sleep(fault.delay)
        return self._recorded(endpoint, account, fault.response() if fault.answers else respond(fault))

    def _page(self, endpoint: Endpoint, account: SimulatedAccount, first: int, fault: Fault) -> Response:
        everything = self.items(account.name, endpoint, self.campaign_time)
        size = self._page_size if endpoint in _PAGED else None
        last = first + size if size else len(everything)
        next_token = f"page-{last}" if last < len(everything) else None
        if fault.endless:
            next_token = "page-0" if fault.endless == "same" else f"page-{secrets.randbelow(10**9)}"
        meta: dict[str, Any] = {"status": 200}
        if size or next_token:
            meta["pagination"] = {"pageSize": size or len(everything), "totalCount": len(everything)}
            meta["pagination"] |= {"next": next_token} if next_token else {}
        items = [item | fault.replace for item in everything[first:last]]
        return Response(json.dumps({"fail": [], "meta": meta, "data": items}), media_type="application/json")

    def _count(self, account: SimulatedAccount) -> None:
        window = (account.name, self._clock() // 60)
        self._calls[window] += 1
        if self._calls[window] > self._limit:
            raise Refused(429, refusal("rate_limit", "Rate limit exceeded"), account.name)

    def _recorded(self, endpoint: FaultEndpoint, account: str, response: Response) -> Response:
        """Record the request, and add the headers of every answer."""
        self.requests.append(Recorded(endpoint, account, response.status_code))
        used = self._calls[account, self._clock() // 60]
        defaults = {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(max(0, self._limit - used)),
            "X-RateLimit-Reset": str(int((60 - self._clock() % 60) * 1000)),
            "Date": formatdate(self._clock(), usegmt=True),
        }
        for name, value in defaults.items():
            response.headers.setdefault(name, value)
        return response


def _first_item(body: bytes) -> int:
    """Return the index of the requested page's first item, 0 without a valid page token; raise Refused."""
    try:
        given: Any = json.loads(body)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, Mapping) or not isinstance(given.get("data"), list):
        raise Refused(400, refusal("err_validation", "The body is not valid"))
    for key in ("meta", "pagination", "pageToken"):
        given = given.get(key) if isinstance(given, Mapping) else None
    number = given.removeprefix("page-") if isinstance(given, str) else ""
    return int(number) if number.isascii() and number.isdigit() and len(number) < 12 else 0
