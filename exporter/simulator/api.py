"""The simulated API: get-queue behind both kinds of authentication, the token endpoint, and switches for tests.

An independent statement of what the API does: it verifies signatures and tokens with code of its own.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .accounts import SimulatedAccount, fleet
from .campaigns import Queue
from .faults import Endpoint, Fault, Faults, refusal

QUEUE_PATH = "/api/awareness-training/queue/get-queue"
TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, not a password
#: Seconds that a request's date may be off.
_DATE_TOLERANCE = 900.0


@dataclass(frozen=True)
class Recorded:
    """A request that came in: `account` is empty where nobody could be made out, `status` is the answer's."""

    endpoint: Endpoint
    account: str
    status: int


@dataclass(frozen=True)
class _Refused(Exception):
    status: int
    body: dict[str, Any]
    account: str = ""


class Simulator:
    """A Mimecast API.

    Args:
        accounts: who may call.
        campaigns: how many each has.
        seed: the same seed, the same campaigns.
        clock: the API's clock, seconds since the epoch.
        speed: how many times faster the campaigns' time runs.
        page_size: campaigns a page, None for one page without pagination as get-queue is documented.
        token_lifetime: seconds.
        rate_limit: calls a minute for each account.
        body_size: bytes of each mail body.
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
        self._token_lifetime = token_lifetime
        self._limit = rate_limit
        self._queues = {
            account.name: Queue(
                seed, account.name, campaigns, self._began, body_size, account.version == "1.0", answer_key
            )
            for account in accounts
        }
        self._by_application = {account.application: account for account in accounts}
        self._tokens: dict[str, tuple[str, float]] = {}
        self._request_ids: set[str] = set()
        self._windows: dict[str, tuple[int, int]] = {}

    @property
    def campaign_time(self) -> float:
        """The time the campaigns have reached, seconds since the epoch."""
        return self._began + (self._clock() - self._began) * self._speed + self.advanced

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route(QUEUE_PATH, self._get_queue, methods=["POST"]),
                Route(TOKEN_PATH, self._token, methods=["POST"]),
                Route("/simulator/faults", self._switch_faults, methods=["GET", "PUT", "DELETE"]),
                Route("/simulator/requests", self._tell_requests),
                Route("/simulator/clock", self._move_clock, methods=["POST"]),
            ],
            exception_handlers={ClientDisconnect: _nobody_reads},
        )

    async def _get_queue(self, request: Request) -> Response:
        body = await request.body()
        try:
            account = self._bearer(request) if _is_bearer(request) else self._signer(request)
            self._count(account)
            wanted = _wanted_page(body)
        except _Refused as refused:
            return self._answer("get-queue", refused.account, JSONResponse(refused.body, refused.status))
        fault = self.faults.take("get-queue", account.name)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.answers:
                return self._answer("get-queue", account.name, fault.response())
        page = self._page(account, wanted, fault)
        return self._answer("get-queue", account.name, Response(page, media_type="application/json"))

    def _page(self, account: SimulatedAccount, token: str | None, fault: Fault | None) -> bytes:
        queue = self._queues[account.name]
        first = int(token.rpartition("-")[2]) if token else 0
        last = first + self._page_size if self._page_size else queue.size
        items = list(queue.items(self.campaign_time, first, last))
        if fault is not None and fault.replace:
            items = [item | fault.replace for item in items]
        meta: dict[str, Any] = {"status": 200}
        next_token = f"page-{last}" if last < queue.size else None
        if fault is not None and fault.endless:
            next_token = "page-0" if fault.endless == "same" else f"page-{secrets.randbelow(10**9)}"
        if self._page_size or next_token:
            meta["pagination"] = {"pageSize": self._page_size or queue.size, "totalCount": queue.size}
            meta["pagination"] |= {"next": next_token} if next_token else {}
        return json.dumps({"fail": [], "meta": meta, "data": items}).encode()

    async def _token(self, request: Request) -> Response:
        given = {
            name: values[0] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()
        }
        account = self._by_application.get(given.get("client_id", ""))
        name = account.name if account else ""
        fault = self.faults.take("token", name)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.answers:
                return self._answer("token", name, fault.response())
        if given.get("grant_type") != "client_credentials":
            return self._answer("token", name, JSONResponse({"error": "unsupported_grant_type"}, 400))
        if account is None or account.version != "2.0" or not _same(given.get("client_secret", ""), account.key):
            # The real endpoint was reported to echo what it was sent.
            return self._answer("token", name, JSONResponse({"error": "invalid_client", "request": given}, 401))
        token = secrets.token_urlsafe(32)
        self._tokens[token] = (account.application, self._clock() + self._token_lifetime)
        lifetime = math.floor(self._token_lifetime)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": lifetime, "scope": ""}
        return self._answer("token", name, JSONResponse(answer))

    def _bearer(self, request: Request) -> SimulatedAccount:
        application, good_until = self._tokens.get(request.headers["authorization"].partition(" ")[2], ("", 0.0))
        if self._clock() >= good_until:
            raise _Refused(401, refusal("token_expired", "Access token expired or not known"))
        return self._by_application[application]

    def _signer(self, request: Request) -> SimulatedAccount:
        """Verify a signed request, header by header."""
        headers = request.headers
        account = self._by_application.get(headers.get("x-mc-app-id", ""))
        if account is None or account.version != "1.0":
            raise _Refused(200, refusal("err_developer_key", f"App ID is invalid: {headers.get('x-mc-app-id')}"))
        request_id, date = headers.get("x-mc-req-id", ""), headers.get("x-mc-date", "")
        signed = f"{date}:{request_id}:{request.url.path}:{account.key}"
        signature = base64.b64encode(hmac.digest(base64.b64decode(account.secret_key), signed.encode(), hashlib.sha1))
        expected = f"MC {account.access_key}:{signature.decode()}"
        if not _same(headers.get("authorization", ""), expected) or not request_id or not self._is_recent(date):
            raise _Refused(401, refusal("err_xdk_invalid_signature", "Invalid signature"), account.name)
        if request_id in self._request_ids:
            raise _Refused(401, refusal("err_xdk_replayed_request", "Request id was used before"), account.name)
        self._request_ids.add(request_id)
        return account

    def _is_recent(self, date: str) -> bool:
        try:
            moment = datetime.strptime(date, "%a, %d %b %Y %H:%M:%S UTC").replace(tzinfo=UTC)
        except ValueError:
            return False
        return abs(moment.timestamp() - self._clock()) <= _DATE_TOLERANCE

    def _count(self, account: SimulatedAccount) -> None:
        window = int(self._clock() // 60)
        started, used = self._windows.get(account.name, (window, 0))
        used = used + 1 if started == window else 1
        self._windows[account.name] = (window, used)
        if used > self._limit:
            raise _Refused(429, refusal("rate_limit", "Rate limit exceeded"), account.name)

    def _answer(self, endpoint: Endpoint, account: str, response: Response) -> Response:
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

    async def _switch_faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.faults.clear()
        elif request.method == "PUT":
            self.faults.add(Fault(**await request.json()))
        return JSONResponse([asdict(fault) for fault in self.faults.active])

    async def _tell_requests(self, _: Request) -> Response:
        return JSONResponse([asdict(recorded) for recorded in self.requests])

    async def _move_clock(self, request: Request) -> Response:
        """Let the campaigns' time pass by so many seconds more."""
        self.advanced += float((await request.json())["advance"])
        return JSONResponse({"campaign_time": self.campaign_time})


async def _nobody_reads(_: Request, __: Exception) -> Response:
    """The answer to whoever left before the request was read: it goes nowhere, and is no error to be logged."""
    return Response(status_code=400)


def _is_bearer(request: Request) -> bool:
    return request.headers.get("authorization", "").startswith("Bearer ")


def _wanted_page(body: bytes) -> str | None:
    """The page token of a request's body.

    Raises:
        _Refused: the body is not JSON, or has no `data`.

    """
    try:
        given: Any = json.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, Mapping) or not isinstance(given.get("data"), list):
        raise _Refused(400, refusal("err_validation", "The body is not valid"))
    token = given.get("meta", {}).get("pagination", {}).get("pageToken")
    return token if isinstance(token, str) else None


def _same(given: str, expected: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), expected.encode())
