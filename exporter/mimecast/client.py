"""The client of one account: asks get-queue for every page, within one time and one size, and gives campaigns."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any, NoReturn

import httpx
import msgspec

from . import errors
from .campaign import AnswerMeaning, Campaign, decode_campaign
from .envelope import (
    Envelope,
    check,
    codes_in,
    next_page_token,
    open_envelope,
    pause_asked_for,
    raise_failure,
)
from .traffic import Traffic
from .transport import Budget, Call

QUEUE_PATH = "/api/awareness-training/queue/get-queue"
#: Pages of one answer; a server that always names a next page is stopped here.
MOST_PAGES = 1000
#: Campaigns that are decoded before others get their turn on the event loop.
_PIECE = 250
#: Bytes of a refusal that are searched for error codes.
_LARGEST_REFUSAL = 1024 * 1024


class Queue(msgspec.Struct, frozen=True):
    """The answer of get-queue.

    Attributes:
        campaigns: in the API's order, each `campaign_id` once.
        invalid: items that are no object, or have no id or no title.
        duplicate: items whose id came before.
        size: decoded bytes of all pages.

    """

    campaigns: tuple[Campaign, ...]
    invalid: int
    duplicate: int
    size: int


class MimecastClient:
    """One account's way to the API.

    Args:
        http: from `transport.open_http_client`; may be shared, and is not closed here.
        base_url: such as `https://eu-api.mimecast.com`, without a slash at its end.
        auth: `SignedRequests` or `ClientCredentials`.
        meaning: what `title.correctAnswers` holds, see `answers`.
        timeout: seconds for a whole refresh: token, all pages, reading and decoding.
        max_response_size: decoded bytes over all pages.
        clock: seconds, monotonic.

    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        auth: httpx.Auth,
        meaning: AnswerMeaning = "count",
        timeout: float = 30.0,
        max_response_size: int = 64 * 1024 * 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.traffic = Traffic()
        self._http = http
        self._url = base_url + QUEUE_PATH
        self._auth = auth
        self._meaning = meaning
        self._timeout = timeout
        self._max_response_size = max_response_size
        self._clock = clock

    async def get_queue(self) -> Queue:
        """Every campaign, launched and pending.

        Raises:
            MimecastError: no complete answer came; its type and message say what to do.

        """
        started = self._clock()
        try:
            async with asyncio.timeout(self._timeout):
                return await self._all_pages()
        except TimeoutError:
            raise errors.TimedOut(
                f"no complete answer within {self._timeout:g} s: raise api.timeout, or look at network and proxy"
            ) from None
        finally:
            self.traffic.last_duration = self._clock() - started

    async def _all_pages(self) -> Queue:
        budget = Budget(self._max_response_size)
        reading = _Reading(self._meaning)
        token: str | None = None
        asked_for: set[str] = set()
        for _ in range(MOST_PAGES):
            page = await self._page(token, budget)
            await reading.add(page)
            token = next_page_token(page)
            if token is None:
                self.traffic.last_bytes = budget.used
                return reading.queue(budget.used)
            if token in asked_for:
                raise errors.InvalidResponse("the API named the same next page twice, so its pages have no end")
            asked_for.add(token)
        raise errors.ResponseTooLarge(f"the answer has more than {MOST_PAGES} pages")

    async def _page(self, token: str | None, budget: Budget) -> Envelope:
        body: dict[str, Any] = {"meta": {"pagination": {"pageToken": token}}, "data": []} if token else {"data": []}
        call = Call("get-queue", self.traffic, budget)
        request = self._http.build_request("POST", self._url, json=body, extensions=call.extensions)
        response: httpx.Response | None = None
        try:
            response = await self._http.send(request, auth=self._auth, stream=True)
            content = await _read(response)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError) as error:
            _raise_for(error, answered=response is not None)
        finally:
            if response is not None:
                await response.aclose()
        retry_after = pause_asked_for(response.headers) if response.status_code == 429 else None
        if response.status_code != httpx.codes.OK:
            raise_failure(response.status_code, codes_in(content[:_LARGEST_REFUSAL]), retry_after=retry_after)
        page = open_envelope(content)
        check(page, retry_after=pause_asked_for(response.headers))
        return page


class _Reading:
    """Campaigns of the pages read so far."""

    def __init__(self, meaning: AnswerMeaning) -> None:
        self._meaning = meaning
        self._campaigns: dict[str, Campaign] = {}
        self._invalid = 0
        self._duplicate = 0

    async def add(self, page: Envelope) -> None:
        """Decode a page, a piece at a time, so that nobody waits for all of it."""
        items = page.data or []
        for begin in range(0, len(items), _PIECE):
            for item in items[begin : begin + _PIECE]:
                self._add(decode_campaign(item, self._meaning))
            await asyncio.sleep(0)

    def _add(self, campaign: Campaign | None) -> None:
        if campaign is None:
            self._invalid += 1
        elif campaign.campaign_id in self._campaigns:
            self._duplicate += 1
        else:
            self._campaigns[campaign.campaign_id] = campaign

    def queue(self, size: int) -> Queue:
        return Queue(tuple(self._campaigns.values()), self._invalid, self._duplicate, size)


async def _read(response: httpx.Response) -> bytearray:
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
    return content


def _raise_for(error: Exception, *, answered: bool) -> NoReturn:
    """Turn httpx's errors into ours; their texts may hold addresses with credentials of a proxy, and go no further."""
    tls = _tls_error(error)
    if isinstance(tls, ssl.SSLCertVerificationError):
        raise errors.TlsFailed(
            f"the certificate is not trusted ({tls.verify_message}): check the host, or name its CA in "
            "api.tls_config.ca_file"
        ) from None
    if tls is not None:
        raise errors.TlsFailed(
            f"no TLS connection ({tls.reason or 'handshake failed'}): check api.tls_config"
        ) from None
    if isinstance(error, httpx.TimeoutException):
        raise errors.TimedOut("no answer in time: look at network and proxy") from None
    if isinstance(error, httpx.ProxyError):
        raise errors.CannotConnect(
            "the proxy refuses the connection: check api.proxy_url and its credentials"
        ) from None
    if answered:
        raise errors.InvalidResponse("the answer was cut short: the connection ended before its body did") from None
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
        raise errors.InvalidResponse("the answer is not HTTP: is base_url the API's host and port?") from None
    raise errors.CannotConnect(
        "no connection, or it ended before an answer began: check base_url (or region), DNS, firewall and proxy"
    ) from None


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
