"""The limits for one client: times in seconds, sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a connection, and of the shutdown."""

    #: The request line and the headers together; a longer head is refused with 431.
    header_bytes: int = 32 * 1024
    #: A request's body; a larger one is refused with 413. No route reads a body.
    body_bytes: int = 64 * 1024
    #: From the connection, or from the first byte of a further request, until the request is complete.
    request_time: float = 10.0
    #: Between two requests on one connection; longer than the longest recommended scrape interval.
    idle_time: float = 150.0
    #: How long a client may accept no data. The kernel enforces it, on Linux and for TCP.
    stall_time: float = 20.0
    #: How long sending one response may take, from its first byte.
    response_time: float = 120.0
    #: How long further data is discarded after a refusal, so that the client can read the response.
    linger_time: float = 1.0
    #: From the shutdown signal until every open connection is dropped.
    stop_time: float = 0.5
