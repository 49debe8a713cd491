"""The client of one account: asks an endpoint for every page, within one time limit and one size limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import msgspec

from . import errors
from .auth import Credentials
from .bodies import Budget
from .endpoint import ROOT, Answer, Endpoint, T
from .envelope import Envelope, next_page_token
from .refusals import Asked, accept
from .traffic import Traffic
from .transport import RECEIVED_AT, Call

#: Pages of one answer; a server that always names a next page is stopped here.
MAX_PAGES = 1000
#: Items that are decoded before other tasks get their turn on the event loop.
YIELD_EVERY = 250


class MimecastClient:
    """The API as one account sees it.

    Args:
        http: from `transport.open_http_client`; may be shared, and is not closed here.
        base_url: such as `https://eu-api.mimecast.com`, without a slash at its end.
        auth: `SignedRequests` or `ClientCredentials`.
        timeout: seconds for a whole refresh: token, all pages, reading and decoding.
        max_response_size: decoded bytes over all pages.
        traffic: where the exchanges are recorded; a new one by default.

    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        auth: Credentials,
        timeout: float = 30.0,
        max_response_size: int = 64 * 1024 * 1024,
        traffic: Traffic | None = None,
    ) -> None:
        self.traffic = Traffic() if traffic is None else traffic
        self._http = http
        self._base_url = base_url
        self._auth = auth
        self._timeout = timeout
        self._max_response_size = max_response_size

    async def fetch(self, endpoint: Endpoint, decode: Callable[[msgspec.Raw], T | None]) -> Answer[T]:
        """Return the decoded items of every page of an endpoint.

        Args:
            endpoint: what to ask for.
            decode: makes a record of one item of `data`, or None of an item that it does not understand.

        Raises:
            MimecastError: no complete answer came; its type and message say what to do.

        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._all_pages(endpoint, decode)
        except TimeoutError as error:
            interrupted = getattr(error.__cause__, "__notes__", ["waiting for the answer"])[0]
            raise errors.TimedOut(
                f"no complete answer within {self._timeout:g} s, still {interrupted}: raise api.timeout, or check "
                "network, firewall and proxy"
            ) from None

    async def _all_pages(self, endpoint: Endpoint, decode: Callable[[msgspec.Raw], T | None]) -> Answer[T]:
        budget = Budget(self._max_response_size)
        items: list[T] = []
        invalid = 0
        token: str | None = None
        asked_for: set[str] = set()
        for _ in range(MAX_PAGES):
            page = await self._page(endpoint, token, budget)
            decoded = await decode_items(page, decode)
            items += [item for item in decoded if item is not None]
            invalid += decoded.count(None)
            token = next_page_token(page)
            if token is None:
                return Answer(tuple(items), invalid, budget.used)
            if token in asked_for:
                raise errors.InvalidResponse("the API named the same next page twice, so its pages have no end")
            asked_for.add(token)
        raise errors.ResponseTooLarge(f"the answer has more than {MAX_PAGES} pages")

    async def _page(self, endpoint: Endpoint, token: str | None, budget: Budget) -> Envelope:
        """Return one page; ask once more where a kept connection has ended, or a token was refused."""
        repeated: set[str] = set()
        while True:
            request = self._request(endpoint, token, budget)
            try:
                return await self._ask(request, endpoint)
            except (errors.StaleConnection, errors.CredentialsRefused) as error:
                refused = isinstance(error, errors.CredentialsRefused)
                if (refused and not self._auth.drop_token(request)) or error.reason in repeated:
                    raise
                repeated.add(error.reason)

    def _request(self, endpoint: Endpoint, token: str | None, budget: Budget) -> httpx.Request:
        call = Call(endpoint.name, endpoint.permission, self.traffic, budget)
        url = self._base_url + ROOT + endpoint.path
        try:
            return self._http.build_request("POST", url, json=endpoint.page(token), extensions=call.extensions)
        except (httpx.InvalidURL, UnicodeError):
            raise errors.CannotConnect("the host of base_url cannot be resolved (not a host name): check it") from None

    async def _ask(self, request: httpx.Request, endpoint: Endpoint) -> Envelope:
        response = await self._http.send(request, auth=self._auth, stream=True)
        try:
            body = await _read(response)
        finally:
            await response.aclose()
        skew = self.traffic.clock_skew if self._auth.signs_dates else None
        asked = Asked(endpoint.name, endpoint.permission, self._auth.names, self._auth.renewal, skew)
        page = accept(response.status_code, body, asked, response.headers, response.extensions[RECEIVED_AT])
        if page.data is None:
            raise errors.InvalidResponse(f"the answer has no list (`data`), so it is not one of {endpoint.name}")
        return page


async def decode_items(page: Envelope, decode: Callable[[msgspec.Raw], T | None]) -> list[T | None]:
    """Return what `decode` makes of each item; other tasks get their turn in between."""
    items = page.data or []
    decoded: list[T | None] = []
    for begin in range(0, len(items), YIELD_EVERY):
        decoded += [decode(item) for item in items[begin : begin + YIELD_EVERY]]
        await asyncio.sleep(0)
    return decoded


async def _read(response: httpx.Response) -> bytearray:
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
    return content
