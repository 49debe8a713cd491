"""One HTTP connection, bounded in time and memory: uvicorn's protocol on httptools, with every wait given an end.

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
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from exporter.web.admission import Admission, Refused
from exporter.web.limits import Limits

_LOGGER = logging.getLogger("exporter.web.http")

#: A certificate as `ssl.SSLSocket.getpeercert` returns it, empty or None without one.
PeerCertificate = Mapping[str, Any] | None

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


class HttpProtocol(HttpToolsProtocol):
    """One connection of a generation of the server.

    Of requests that come before earlier ones are answered, `cycle` is the last; `pipeline` holds those that wait.
    """

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
        # uvicorn uses no more of a logger than this adapter has.
        self.logger = _ClientFaultsAreNoNews(_LOGGER)  # type: ignore[assignment] # a logger in all that is used
        self.timeout_keep_alive = limits.idle_time  # type: ignore[assignment] # call_later takes floats
        #: When bytes last came or an answer was last complete; the loop's own clock is too coarse to compare.
        self.last_active = time.monotonic_ns()
        self._limits = limits
        self._admits = admits
        self._admission = Admission(limits)
        self._answering: RequestResponseCycle | None = None
        self._request_clock: asyncio.TimerHandle | None = None
        self._send_clock: asyncio.TimerHandle | None = None
        self._linger_clock: asyncio.TimerHandle | None = None
        self._send_progress_at = 0.0
        self._sending_since: float | None = None
        #: The status that the peer was or will be refused with, once what it asked before is answered.
        self._refusal: int | None = None

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
        self._start_request_clock()
        self._look_at_sending()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks, and tell every answer in preparation that nobody waits for it."""
        self._stop_clocks()
        for cycle in (self._answering, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

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

    # Receiving

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request, unless the peer was refused already: then they are thrown away."""
        if self._refusal is not None or self.transport.is_closing():
            return
        self.last_active = time.monotonic_ns()
        had_begun = self._admission.owed == "head"
        try:
            self._parse(data)
            if had_begun and self._admission.owed == "head":
                self._admission.received(len(data))
        except httptools.HttpParserError as error:
            self._refuse(error.__context__.status if isinstance(error.__context__, Refused) else 400)
        except Refused as refused:
            self._refuse(refused.status)

    def _parse(self, data: bytes) -> None:
        """Feed the parser; protocols that a client offers to change to are left aside, and HTTP goes on."""
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]

    def on_message_begin(self) -> None:
        """Start the clock of a request."""
        self._admission.begin()
        self._unset_keepalive_if_required()
        self._start_request_clock()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target; raises Refused."""
        self._admission.take_target(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer, which is dropped; raises Refused."""
        name = name.lower()
        self._admission.take_header(name, value)
        if self._admission.owed == "head":
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Answer the request, or let it wait until those before it are answered; raises Refused."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if len(self.pipeline) >= self._limits.pipelined:
            raise Refused(503)
        self._admission.end_head(method, version)
        path, _, query = self._admission.target.partition(b"?")
        self.scope |= {
            "method": method.decode("ascii"),
            "http_version": version,
            "path": unquote_to_bytes(path).decode("utf-8", "replace") if b"%" in path else path.decode("latin-1"),
            "raw_path": path,
            "query_string": query,
        }
        before, self.cycle = self.cycle, self._new_cycle(version)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _new_cycle(self, version: str) -> RequestResponseCycle:
        return RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=any(
                name == b"expect" and value.lower() == b"100-continue" for name, value in self.headers
            ),
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; raises Refused."""
        self._admission.take_body(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock of the request."""
        self._admission.end()
        self._stop_request_clock()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on when an answer has been handed to the transport: a pipelined request or a refusal may follow."""
        self.last_active = time.monotonic_ns()
        super().on_response_complete()
        if self._refusal is not None and self.is_idle and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._send_refusal(self._refusal)

    # Ending it

    def retire(self) -> None:
        """Answer what was asked or is about to be, say that the connection closes, and close it.

        A connection just opened keeps its chance of one request; one idle between two is closed.
        """
        if self.cycle is None and self._refusal is None:
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

    def _start_request_clock(self) -> None:
        if self._request_clock is None:
            self._request_clock = self.loop.call_later(self._limits.request_time, self._request_overdue)

    def _stop_request_clock(self) -> None:
        if self._request_clock is not None:
            self._request_clock.cancel()
            self._request_clock = None

    def _request_overdue(self) -> None:
        self._request_clock = None
        if self._admission.owed == "request":
            self._close()
        else:
            self._refuse(408)

    # Refusing

    def _refuse(self, status: int) -> None:
        """Answer with `status` once what was asked before is answered, and take nothing more from the peer."""
        self.logger.debug("request refused: %d", status)
        self._refusal = status
        self._stop_request_clock()
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self._admission.owed == "body" and not self._withdraw():
            return
        if self.is_idle:
            self._send_refusal(status)

    def _withdraw(self) -> bool:
        """Take back the request whose body is refused; gives whether its answer can still become a refusal."""
        cycle = self.cycle
        if self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else self._answering  # type: ignore[assignment] # uvicorn's None
            return True
        if cycle.response_complete:
            self._close()
            return False
        if cycle.response_started:
            self.transport.abort()
            return False
        # What the application still sends is dropped.
        cycle.disconnected = cycle.response_complete = True
        cycle.message_event.set()
        return True

    def _send_refusal(self, status: int) -> None:
        body = f"{status} {http.HTTPStatus(status).phrase}\n".encode()
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        head = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[status] + head + b"\r\n" + (b"" if self._admission.is_head else body))
        self._linger()

    def _linger(self) -> None:
        # Closing with unread bytes resets the connection, and a reset can overtake the answer.
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
        answering = not self.is_idle and self._answering is not None and self._answering.response_started
        if not waiting and not answering:
            self._sending_since = None
        elif self._sending_since is None:
            self._sending_since = now
        too_long = self._sending_since is not None and now - self._sending_since >= self._limits.response_time
        return too_long or now - self._send_progress_at >= self._limits.stall_time
