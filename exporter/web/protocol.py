"""One HTTP connection, bounded in time and memory: uvicorn's protocol on h11, with every wait given an end.

Knows uvicorn and transports; knows nothing of routes, listening sockets or signals. Three clocks run:

* the request clock, while the peer owes us bytes of a request it began (or has just connected);
* uvicorn's keep-alive clock, between two requests;
* the send clock, which looks a few times per `stall_time` whether unsent bytes move, and aborts the
  connection when they do not. It looks at the transport rather than at events because a small answer to a peer
  that reads nothing causes no event: not when it is written, not when it is complete, not when it is closed.
"""

from __future__ import annotations

import asyncio
import http
import logging
import time
from collections.abc import Callable, MutableMapping
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from exporter.web.connection import BoundedConnection
from exporter.web.limits import Limits

_LOGGER = logging.getLogger("exporter.web.http")

#: A certificate as `ssl.SSLSocket.getpeercert` returns it, empty or None without one.
PeerCertificate = dict[str, Any] | None

#: Our share of a stalled reader's memory: the transport asks the application to wait above this many bytes.
_WRITE_BUFFER = 64 * 1024
_LOOKS_PER_DEADLINE = 4


class _ClientFaultsAreNoNews(logging.LoggerAdapter[logging.Logger]):
    """uvicorn warns of every malformed request; what strangers send is worth a debug line only."""

    @property
    def level(self) -> int:
        """The level in force, which uvicorn compares with its own TRACE."""
        return self.logger.getEffectiveLevel()

    def process(self, msg: object, kwargs: MutableMapping[str, Any]) -> tuple[object, MutableMapping[str, Any]]:
        """Messages pass as they are."""
        return msg, kwargs

    def warning(self, msg: object, *args: object, **_: object) -> None:
        """All of uvicorn's connection warnings are about clients."""
        self.logger.debug(msg, *args)


class HttpProtocol(H11Protocol):
    """One connection of a generation of the server."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        *,
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
        admits: Callable[[PeerCertificate], bool] | None = None,
    ) -> None:
        super().__init__(config, server_state, {}, loop)
        self.conn = self._bounded = BoundedConnection(limits)
        # uvicorn uses no more of a logger than this adapter has.
        self.logger = _ClientFaultsAreNoNews(_LOGGER)  # type: ignore[assignment] # a logger in all that is used
        self.timeout_keep_alive = limits.idle_time  # type: ignore[assignment] # call_later takes floats
        #: When bytes last came or an answer was last complete; the loop's own clock is too coarse to compare.
        self.last_active = time.monotonic_ns()
        self._limits = limits
        self._admits = admits
        self._request_clock: asyncio.TimerHandle | None = None
        self._send_clock: asyncio.TimerHandle | None = None
        self._linger_clock: asyncio.TimerHandle | None = None
        self._send_progress_at = 0.0
        self._sending_since: float | None = None
        self._refused = False

    # The life of the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clocks, or turn the peer away: a certificate not admitted, or no room."""
        super().connection_made(transport)  # type: ignore[arg-type] # asyncio types the base class here
        if (
            self._admits is not None and not self._admits(transport.get_extra_info("peercert"))
        ) or not self._make_room():
            self.transport.abort()
            return
        self.transport.set_write_buffer_limits(high=_WRITE_BUFFER)
        self._send_progress_at = self.loop.time()
        self._request_clock = self.loop.call_later(self._limits.request_time, self._request_overdue)
        self._look_at_sending()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks."""
        self._stop_clocks()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request, unless the peer was refused already: then they are thrown away."""
        if self._refused or self.transport.is_closing():
            return
        self.last_active = time.monotonic_ns()
        super().data_received(data)
        self._set_request_clock()

    def on_response_complete(self) -> None:
        """Go on when an answer has been handed to the transport: a pipelined request may follow."""
        self.last_active = time.monotonic_ns()
        super().on_response_complete()
        self._set_request_clock()

    def resume_writing(self) -> None:
        """Take note that a slice has drained."""
        self._send_progress_at = self.loop.time()
        super().resume_writing()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _make_room(self) -> bool:
        if len(self.connections) <= self._limits.connections:
            return True
        others = [c for c in self.connections if isinstance(c, HttpProtocol) and c is not self and c.is_idle]
        if not others:
            return False
        min(others, key=lambda connection: connection.last_active).transport.abort()
        return True

    def _stop_clocks(self) -> None:
        for clock in (self._request_clock, self._send_clock, self._linger_clock):
            if clock is not None:
                clock.cancel()
        self._request_clock = self._send_clock = self._linger_clock = None

    # Ending it

    def retire(self) -> None:
        """Answer what was asked or is about to be, say that the connection closes, and close it.

        A connection just opened keeps its chance of one request; one idle between two is closed.
        """
        if self.cycle is None and not self._refused:
            return
        if self.is_idle:
            self._close()
            return
        self.cycle.keep_alive = False
        # The client is told only while the answer's head is unsent.
        self.cycle.default_headers = [*self.cycle.default_headers, (b"connection", b"close")]

    def shutdown(self) -> None:
        """Finish the answer in preparation, if there is one, and close."""
        if self.is_idle:
            self._close()
        else:
            self.retire()

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    # The request clock

    def _set_request_clock(self) -> None:
        if self._refused or self.transport.is_closing():
            return
        owed = self._bounded.awaits_body or (self._bounded.awaits_request and self._bounded.has_partial_request)
        if not owed and self._request_clock is not None:
            self._request_clock.cancel()
            self._request_clock = None
        elif owed and self._request_clock is None:
            self._request_clock = self.loop.call_later(self._limits.request_time, self._request_overdue)

    def _request_overdue(self) -> None:
        self._request_clock = None
        if self._bounded.awaits_request and not self._bounded.has_partial_request:
            self._close()
        else:
            self._refuse(408)

    # Refusing

    def send_400_response(self, msg: str) -> None:
        """Refuse what h11 or our bounds did not take; the status says more than `msg` does."""
        self._refuse(self._bounded.refusal)

    def _refuse(self, status: int) -> None:
        """Answer with `status` if an answer can still be given, and take nothing more from the peer."""
        self._refused = True
        self._stop_request_clock()
        self._unset_keepalive_if_required()
        if self.cycle is not None and not self.cycle.response_complete:
            # What the application still sends is dropped.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._send_refusal(status)
            self._linger()
        elif self.conn.our_state is h11.SEND_BODY:
            self.transport.abort()
        else:
            self._close()

    def _stop_request_clock(self) -> None:
        if self._request_clock is not None:
            self._request_clock.cancel()
            self._request_clock = None

    def _send_refusal(self, status: int) -> None:
        reason = http.HTTPStatus(status).phrase
        body = f"{status} {reason}\n".encode()
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        response = h11.Response(status_code=status, headers=headers, reason=reason.encode())
        data = h11.Data(data=b"" if self._bounded.is_head else body)
        self.transport.write(b"".join(self._wire(event) for event in (response, data, h11.EndOfMessage())))

    def _wire(self, event: h11.Event) -> bytes:
        return self.conn.send(event) or b""

    def _linger(self) -> None:
        # Closing with unread bytes resets the connection, and a reset can overtake the answer.
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._linger_clock = self.loop.call_later(self._limits.linger_time, self._close)

    # The send clock

    def _look_at_sending(self) -> None:
        now = self.loop.time()
        if self._is_overdue(now):
            self.transport.abort()
            return
        deadline = min(self._limits.stall_time, self._limits.response_time)
        self._send_clock = self.loop.call_later(deadline / _LOOKS_PER_DEADLINE, self._look_at_sending)

    def _is_overdue(self, now: float) -> bool:
        waiting = self.flow.write_paused or self.transport.get_write_buffer_size() > 0 or self.transport.is_closing()
        if not waiting:
            self._send_progress_at = now
        answering = not self.is_idle and self.cycle.response_started
        if not waiting and not answering:
            self._sending_since = None
        elif self._sending_since is None:
            self._sending_since = now
        too_long = self._sending_since is not None and now - self._sending_since >= self._limits.response_time
        return too_long or now - self._send_progress_at >= self._limits.stall_time
