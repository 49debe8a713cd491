"""What one client may take of the server: times in seconds, sizes in bytes. Tests pass small ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of every connection, and of the way out."""

    #: Request line and headers together.
    header_bytes: int = 32 * 1024
    #: The request's target alone, beyond which the answer is 414.
    target_bytes: int = 8 * 1024
    #: A request's body. No route takes one, so this only needs to hold what clients send without need.
    body_bytes: int = 64 * 1024
    #: Requests that wait on one connection for those before them to be answered.
    pipelined: int = 32
    #: To send a request whole, from the connection or from the first byte of a further request.
    request_time: float = 10.0
    #: Between two requests of one connection; longer than the longest advised scrape interval.
    idle_time: float = 150.0
    #: A TLS handshake.
    handshake_time: float = 10.0
    #: How long a reader may make no progress: each slice the application sends has to drain in this time.
    stall_time: float = 20.0
    #: One whole answer, from its first byte; bounds readers that make progress, but hardly any.
    response_time: float = 120.0
    #: After a refusal, how long what still comes is read and thrown away, so that the peer sees the answer.
    linger_time: float = 1.0
    #: Simultaneous connections. Beyond, the one idle for longest makes room.
    connections: int = 2048
    #: From the signal to stop until the last connection is closed.
    stop_time: float = 0.6
