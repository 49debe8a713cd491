"""The client of one account: fetches every page of an endpoint within a time limit and a size limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx
import msgspec

from . import errors
from .auth import Credentials
from .bodies import Budget, read_body
from .envelope import Envelope, next_page_token, total_count
from .refusals import Call, accept
from .traffic import Traffic

T = TypeVar("T")

#: The path that every endpoint's path is relative to.
ROOT = "/api/awareness-training/"
#: Maximum number of pages, in case a server always names a next page.
MAX_PAGES = 1000
MAX_TOKEN_ANSWER = 1024 * 1024
#: Items decoded before the event loop runs other tasks.
YIELD_EVERY = 250


@dataclass(frozen=True)
class Endpoint:
    """An endpoint that answers with the API's envelope.

    Attributes:
        path: the path under `ROOT`, such as `queue/get-queue`.
        permission: the role permission that it requires.
        body: the JSON body of the request for the first page.
    """

    path: str
    permission: str
    body: Mapping[str, Any] = field(default_factory=lambda: {"data": []}, hash=False)

    @property
    def name(self) -> str:
        """Return the last part of the path, as metrics and messages name the endpoint."""
        return self.path.rpartition("/")[2]

    def page(self, token: str | None) -> dict[str, Any]:
        """Return the body of the request for the page that `token` names; None is the first page."""
        return {**self.body, "meta": {"pagination": {"pageToken": token}}} if token else dict(self.body)


@dataclass(frozen=True)
class Answer(Generic[T]):
    """The decoded items of every page, the number of invalid items, and the decompressed size in bytes."""

    items: tuple[T, ...]
    invalid: int
    size: int


@dataclass(kw_only=True, eq=False, repr=False)
class MimecastClient:
    """The API client of one account.

    Attributes:
        http: from `transport.open_http_client`; may be shared, and is not closed here.
        base_url: such as `https://eu-api.mimecast.com`, without a trailing slash.
        timeout: seconds for a whole refresh: token, all pages, reading and decoding.
        max_response_size: maximum decompressed bytes of all pages.
        traffic: records the requests.
    """

    http: httpx.AsyncClient = field(kw_only=False)
    base_url: str
    auth: Credentials
    timeout: float = 30.0
    max_response_size: int = 64 * 1024 * 1024
    traffic: Traffic = field(default_factory=Traffic)
    wall_clock: Callable[[], float] = time.time

    async def fetch(self, endpoint: Endpoint, decode: Callable[[msgspec.Raw], T | None]) -> Answer[T]:
        """Return the decoded items of every page of an endpoint.

        Args:
            endpoint: the endpoint to call.
            decode: returns the record of one item of `data`, or None for an invalid item.

        Raises:
            MimecastError: there was no complete answer; its type and message say what to do.
        """
        try:
            async with asyncio.timeout(self.timeout):
                return await self._all_pages(endpoint, decode)
        except TimeoutError as error:
            interrupted = getattr(error.__cause__, "__notes__", ["waiting for the answer"])[0]
            raise errors.TimedOut(
                f"no complete answer within {self.timeout:g} s, still {interrupted}: raise api.timeout, or check "
                "network, firewall and proxy"
            ) from None

    async def _all_pages(self, endpoint: Endpoint, decode: Callable[[msgspec.Raw], T | None]) -> Answer[T]:
        budget = Budget(self.max_response_size)
        items: list[T] = []
        invalid = 0
        token: str | None = None
        requested: set[str] = set()
        for _ in range(MAX_PAGES):
            page = await self._page(endpoint, token, budget)
            decoded = await decode_items(page, decode)
            items += [item for item in decoded if item is not None]
            invalid += decoded.count(None)
            token = next_page_token(page)
            if token is None:
                if total_count(page) > len(items) + invalid:
                    raise errors.InvalidResponse("the answer is incomplete: totalCount is larger, and no page follows")
                return Answer(tuple(items), invalid, budget.used)
            if token in requested:
                raise errors.InvalidResponse("the API named the same next page twice")
            requested.add(token)
        raise errors.ResponseTooLarge(f"the answer has more than {MAX_PAGES} pages")

    async def _page(self, endpoint: Endpoint, token: str | None, budget: Budget) -> Envelope:
        """Return one page; retry once after a stale connection and once after a refused token."""
        repeated: set[str] = set()
        while True:
            request = self._request(self.base_url + ROOT + endpoint.path, json=endpoint.page(token))
            try:
                return await self._send(request, endpoint, budget)
            except (errors.StaleConnection, errors.CredentialsRefused) as error:
                refused = isinstance(error, errors.CredentialsRefused)
                if (refused and not self.auth.drop_token(request)) or error.reason in repeated:
                    raise
                repeated.add(error.reason)

    def _request(self, url: str, **content: Any) -> httpx.Request:
        try:
            return self.http.build_request("POST", url, **content)
        except (httpx.InvalidURL, UnicodeError):
            raise errors.CannotConnect(
                "the host of base_url cannot be resolved (not a host name): check base_url"
            ) from None

    async def _send(self, request: httpx.Request, endpoint: Endpoint, budget: Budget) -> Envelope:
        async def post(url: str, form: Mapping[str, str]) -> Envelope:
            token_request = self._request(url, data=form)
            return await self._exchange(token_request, "token", endpoint.permission, Budget(MAX_TOKEN_ANSWER))

        await self.auth.authorize(request, post)
        page = await self._exchange(request, endpoint.name, endpoint.permission, budget)
        if page.data is None:
            raise errors.InvalidResponse(f"the answer has no list `data`, as {endpoint.name} requires")
        return page

    async def _exchange(self, request: httpx.Request, endpoint: str, permission: str, budget: Budget) -> Envelope:
        """Send a request, and return the envelope of the accepted answer."""
        try:
            response = await self.http.send(request, stream=True)
        except BaseException:
            self.traffic.unanswered(endpoint)
            raise
        now = self.wall_clock()
        self.traffic.answered(endpoint, response.status_code, response.headers, now)
        async with aclosing(response):
            try:
                body = await read_body(response, budget)
            except errors.MimecastError:
                if response.status_code == 200:
                    raise
                body = bytearray()  # the status alone says that the call failed
        skew = self.traffic.clock_skew if self.auth.signs_dates else None
        call = Call(endpoint, permission, self.auth.names, self.auth.renewal, skew)
        return accept(response.status_code, body, call, response.headers, now)


async def decode_items(page: Envelope, decode: Callable[[msgspec.Raw], T | None]) -> list[T | None]:
    """Return the result of `decode` for each item; the event loop runs other tasks in between."""
    items = page.data or []
    decoded: list[T | None] = []
    for begin in range(0, len(items), YIELD_EVERY):
        decoded += [decode(item) for item in items[begin : begin + YIELD_EVERY]]
        await asyncio.sleep(0)
    return decoded
