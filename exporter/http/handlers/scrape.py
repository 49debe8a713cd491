"""The bytes of one scrape: campaigns from memory, then accounts and process, in the format and coding asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from exporter.exposition.compression import EMPTY, KeptText, finish_member, slices
from exporter.exposition.text import CONTENT_TYPES, Format, accepts_gzip, choose_format


@dataclass(frozen=True)
class Wanted:
    """What a scraper asked for.

    Attributes:
        form: the exposition format.
        gzip: whether it reads gzip.
        within: seconds within which it wants its answer.

    """

    form: Format
    gzip: bool
    within: float

    @classmethod
    def by(cls, headers: Headers, *, offset: float, otherwise: float) -> Wanted:
        """Read the headers; `offset` seconds are kept back of its deadline, `otherwise` holds where it names none."""
        return cls(
            form=choose_format(headers.get("accept", "")),
            gzip=accepts_gzip(",".join(headers.getlist("accept-encoding"))),
            within=scrape_deadline(headers.get("x-prometheus-scrape-timeout-seconds"), offset, otherwise),
        )


def scrape_deadline(header: str | None, offset: float, otherwise: float) -> float:
    """Seconds that may be waited: the scraper's timeout less the offset, 0 where nothing is left."""
    try:
        timeout = float(header) if header is not None else math.nan
    except ValueError:
        timeout = math.nan
    if not math.isfinite(timeout) or timeout <= 0:
        return otherwise
    return max(0.0, timeout - offset)


class Scrape(Response):
    """An exposition, sent in slices so that a reader who stalls holds one slice, not a body."""

    def __init__(self, parts: Sequence[bytes], wanted: Wanted, *, packed: bool) -> None:
        self.background = None
        self.body = b""
        self.status_code = 200
        self._parts = parts
        headers = {
            "content-type": CONTENT_TYPES[wanted.form],
            "content-length": str(sum(map(len, parts))),
            "vary": "Accept, Accept-Encoding",
        }
        self.init_headers(headers | ({"content-encoding": "gzip"} if packed else {}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            for piece in slices(self._parts):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def exposition(kept: KeptText | None, own: bytes, wanted: Wanted) -> Scrape:
    """The answer: the text that is kept from scrape to scrape, and `own`, which is new in each."""
    if wanted.form == "openmetrics":
        own += b"# EOF\n"
    if not wanted.gzip:
        return Scrape([*(kept.parts if kept else ()), own], wanted, packed=False)
    return Scrape(finish_member(await kept.packed() if kept else EMPTY, own), wanted, packed=True)
