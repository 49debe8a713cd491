"""One HTTP connection, bounded in time and memory: uvicorn's protocol on httptools, with every wait given an end.

Knows uvicorn and transports; knows nothing of routes, listening sockets or signals. Three clocks run:

* the request clock, while the peer owes us bytes of a request it began (or has just connected);
* uvicorn's keep-alive clock, between two requests;
* the send clock (`clocks.py`), which aborts the connection when unsent bytes do not move.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from exporter.http.server.admission import Admission, Refused, refusal
from exporter.http.server.clientlog import ClientFaultsAreNoNews
from exporter.http.server.clocks import Deadline, SendClock
from exporter.http.server.limits import Limits

_LOGGER = logging.getLogger("exporter.http.http")

#: A certificate as `ssl.SSLSocket.getpeercert` returns it, empty or None without one.
PeerCertificate = Mapping[str, Any] | None

#: Our share of a stalled reader's memory: the transport asks the application to wait above this many bytes.
_WRITE_BUFFER = 64 * 1024


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
        self.logger = ClientFaultsAreNoNews(_LOGGER)  # type: ignore[assignment] # a logger in all that is used
        #: When bytes last came or an answer was last complete; the loop's own clock is too coarse to compare.
        self.last_active = time.monotonic_ns()
        self._limits = limits
        self._admits = admits
        self._admission = Admission(limits)
        self._answering: RequestResponseCycle | None = None
        self._request_clock = Deadline(loop, limits.request_time, self._request_overdue)
        self._linger_clock = Deadline(loop, limits.linger_time, self._close)
        self._send_clock = SendClock(
            loop,
            limits,
            held=self._holds_bytes,
            answering=lambda: self._answering is not None and not self.is_idle and self._answering.response_started,
            overdue=self._abort,
        )
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
        self._request_clock.start()
        self._send_clock.start()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks, and tell every answer in preparation that nobody waits for it."""
        for clock in (self._request_clock, self._linger_clock, self._send_clock):
            clock.end()
        for cycle in (self._answering, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def resume_writing(self) -> None:
        """Take note that a slice has drained."""
        self._send_clock.progressed()
        super().resume_writing()

    def _holds_bytes(self) -> bool:
        return self.flow.write_paused or self.transport.get_write_buffer_size() > 0 or self.transport.is_closing()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def _may_make_room(self) -> bool:
        # An answer is complete to the application while its end still waits here for a slow reader.
        return self.is_idle and not self._holds_bytes()

    def _make_room(self) -> bool:
        if len(self.connections) <= self._limits.connections:
            return True
        others = [c for c in self.connections if isinstance(c, HttpProtocol) and c is not self and c._may_make_room]
        if not others:
            return False
        min(others, key=lambda connection: connection.last_active).transport.abort()
        return True

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
        self._request_clock.start()
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
        version = self.parser.get_http_version()
        if len(self.pipeline) >= self._limits.pipelined:
            raise Refused(503)
        self.scope.update(self._admission.end_head(self.parser.get_method(), version))  # type: ignore[typeddict-item] # a part of it
        before, self.cycle = self.cycle, self._new_cycle(version)
        if before is None or before.response_complete:
            self._answer(self.cycle)
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
            expect_100_continue=self._admission.expects_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

    def _answer(self, cycle: RequestResponseCycle) -> None:
        self._answering = cycle
        task = self.loop.create_task(cycle.run_asgi(self.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; raises Refused."""
        self._admission.take_body(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock of the request."""
        self._admission.end()
        self._request_clock.stop()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on when an answer has been handed to the transport: a request that waited, a refusal, or a pause."""
        self.last_active = time.monotonic_ns()
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._answer(self.pipeline.pop()[0])
            return
        self.flow.resume_reading()
        if self._refusal is not None:
            self._send_refusal(self._refusal)
        else:
            self._unset_keepalive_if_required()
            timeout = self.loop.call_later(self._limits.idle_time, self.timeout_keep_alive_handler)
            self.timeout_keep_alive_task = timeout

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

    def _abort(self) -> None:
        self.transport.abort()

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    # The request clock

    def _request_overdue(self) -> None:
        if self._admission.owed == "request":
            self._close()
        else:
            self._refuse(408)

    # Refusing

    def _refuse(self, status: int) -> None:
        """Answer with `status` once what was asked before is answered, and take nothing more from the peer."""
        self.logger.debug("request refused: %d", status)
        self._refusal = status
        self._request_clock.stop()
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
        self.transport.write(refusal(status, self.server_state.default_headers, is_head=self._admission.is_head))
        # Closing with unread bytes resets the connection, and a reset can overtake the answer.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._linger_clock.start()
