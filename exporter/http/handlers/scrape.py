"""The parameters of a scrape request, and the response with the exposition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from exporter.collectors import COLLECTORS
from exporter.exposition.compression import CachedBody, chunks
from exporter.exposition.negotiation import accepts_gzip, choose_format
from exporter.exposition.text import CONTENT_TYPES, Format
from exporter.http.handlers.state import HandlerOptions

#: The name in `collect[]` for the exporter's own metrics.
EXPORTER = "exporter"


@dataclass(frozen=True)
class ScrapeRequest:
    """The parameters of a scrape: `timeout` is in seconds, `collectors` is None without `collect[]`."""

    form: Format
    gzip: bool
    timeout: float
    collectors: frozenset[str] | None

    @classmethod
    def parse(cls, request: Request, options: HandlerOptions) -> ScrapeRequest:
        """Parse headers and query: 400 for an unknown collector, or for `name[]`."""
        if "name[]" in request.query_params:
            raise HTTPException(400, "name[] is not supported: select collectors with collect[]")
        headers = request.headers
        return cls(
            form=choose_format(",".join(headers.getlist("accept"))),
            gzip=accepts_gzip(",".join(headers.getlist("accept-encoding"))),
            timeout=scrape_timeout(headers.get("x-prometheus-scrape-timeout-seconds"), options),
            collectors=_collectors(request.query_params.getlist("collect[]")),
        )


def scrape_timeout(header: str | None, options: HandlerOptions) -> float:
    """Return the seconds that a scrape may wait: the scraper's timeout minus the offset, at least 0."""
    try:
        timeout = float(header) if header is not None else math.nan
    except ValueError:
        timeout = math.nan
    if not math.isfinite(timeout) or timeout <= 0:
        return options.default_scrape_timeout
    return max(0.0, timeout - options.timeout_offset)


def _collectors(names: Sequence[str]) -> frozenset[str] | None:
    if unknown := sorted(set(names) - {*COLLECTORS, EXPORTER}):
        known = ", ".join((*COLLECTORS, EXPORTER))
        raise HTTPException(400, f"unknown collector {unknown[0]!r}: collect[] takes {known}")
    return frozenset(names) if names else None


class ExpositionResponse(Response):
    """An exposition, sent in chunks, so that a slow reader keeps one chunk in memory and not a whole body."""

    def __init__(self, parts: Sequence[bytes | memoryview], form: Format, *, gzip: bool) -> None:
        self.background = None
        self.body = b""
        self.status_code = 200
        self._parts = parts
        headers = {
            "content-type": CONTENT_TYPES[form],
            "content-length": str(sum(map(len, parts))),
            "vary": "Accept, Accept-Encoding",
        }
        self.init_headers(headers | ({"content-encoding": "gzip"} if gzip else {}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            for chunk in chunks(self._parts):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        # A message of its own, so that the time limit of a response covers its last chunk.
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def respond(scrape: ScrapeRequest, body: CachedBody, end: bytes) -> ExpositionResponse:
    """Return the response: a cached body, followed by the text of this scrape (`end`)."""
    if scrape.form == "openmetrics":
        end += b"# EOF\n"
    parts = await body.gzip(end) if scrape.gzip else [*body.parts, end]
    return ExpositionResponse(parts, scrape.form, gzip=scrape.gzip)
