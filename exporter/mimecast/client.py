"""The client of one account: asks an endpoint for every page, within one time limit and one size limit."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import NoReturn

import httpx
import msgspec

from . import errors
from .endpoint import ROOT, Answer, Endpoint, T
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

#: Pages of one answer; a server that always names a next page is stopped here.
MAX_PAGES = 1000
#: Items that are decoded before other tasks get their turn on the event loop.
YIELD_EVERY = 250
#: Bytes of a refusal that are searched for error codes.
_MAX_REFUSAL = 1024 * 1024


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
        auth: httpx.Auth,
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
        except TimeoutError:
            raise errors.TimedOut(
                f"no complete answer within {self._timeout:g} s: raise api.timeout, or check network and proxy"
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
        call = Call(endpoint.name, self.traffic, budget)
        url = self._base_url + ROOT + endpoint.path
        request = self._http.build_request("POST", url, json=endpoint.page(token), extensions=call.extensions)
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
            raise_failure(response.status_code, codes_in(content[:_MAX_REFUSAL]), retry_after=retry_after)
        page = open_envelope(content)
        check(page, retry_after=pause_asked_for(response.headers))
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
