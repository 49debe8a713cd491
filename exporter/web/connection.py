"""What is a request we take: h11 with bounds on bytes and with the shapes refused that hide a second request.

Knows HTTP/1.1's grammar through h11; knows nothing of sockets, time or the application.
"""

from __future__ import annotations

import h11

from exporter.web.limits import Limits

_Received = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]


class BoundedConnection(h11.Connection):
    """The server's side of one connection. `next_event` raises RemoteProtocolError for what is refused."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(h11.SERVER, limits.header_bytes)
        self._limits = limits
        self._body_bytes = 0
        #: The status to refuse with, once something was refused.
        self.refusal = 400
        #: Whether the request at hand is a HEAD, whose answer has no body.
        self.is_head = False

    def next_event(self) -> _Received:
        """Return the next event, as h11 does; RemoteProtocolError sets `refusal`."""
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            # Without one line end in all these bytes it is the request line that is too long.
            too_long = error.error_status_hint == 431
            self.refusal = 414 if too_long and b"\n" not in self.trailing_data[0] else error.error_status_hint
            raise
        try:
            self._judge(event)
        except h11.RemoteProtocolError as error:
            self.refusal = error.error_status_hint
            raise
        return event

    def _judge(self, event: _Received) -> None:
        if isinstance(event, h11.Request):
            self.is_head = event.method == b"HEAD"
            self._judge_request(event)
        elif isinstance(event, h11.Data):
            self._judge_body(len(event.data))

    def start_next_cycle(self) -> None:
        """Go on to the next request of the connection."""
        super().start_next_cycle()
        self.is_head = False

    @property
    def awaits_request(self) -> bool:
        """Whether the peer's next bytes begin a request, or continue its headers."""
        return self.their_state is h11.IDLE

    @property
    def awaits_body(self) -> bool:
        """Whether the peer has not yet sent all of the body it announced."""
        return self.their_state is h11.SEND_BODY

    @property
    def has_partial_request(self) -> bool:
        """Whether bytes of a request lie here that do not yet make one."""
        return bool(self.trailing_data[0])

    def _judge_request(self, request: h11.Request) -> None:
        headers = list(request.headers)
        names = [name for name, _ in headers]
        size = len(request.target) + sum(len(name) + len(value) + 4 for name, value in headers)
        if not request.http_version.startswith(b"1."):
            raise h11.RemoteProtocolError("not HTTP/1", error_status_hint=505)
        if len(request.target) > self._limits.target_bytes:
            raise h11.RemoteProtocolError("request target too long", error_status_hint=414)
        # h11 bounds headers only while they are incomplete; one large read may complete too large ones.
        if size > self._limits.header_bytes:
            raise h11.RemoteProtocolError("request headers too large", error_status_hint=431)
        if b"transfer-encoding" in names:
            self._judge_transfer_encoding(request, names)
        self._body_bytes = 0
        self._judge_body(sum(int(value) for name, value in headers if name == b"content-length"), received=False)

    def _judge_transfer_encoding(self, request: h11.Request, names: list[bytes]) -> None:
        # Two intermediaries that read such a request differently see two different requests.
        if b"content-length" in names:
            raise h11.RemoteProtocolError("both Content-Length and Transfer-Encoding")
        if request.http_version < b"1.1":
            raise h11.RemoteProtocolError("Transfer-Encoding in HTTP/1.0")

    def _judge_body(self, size: int, *, received: bool = True) -> None:
        if self._body_bytes + size > self._limits.body_bytes:
            raise h11.RemoteProtocolError("request body too large", error_status_hint=413)
        if received:
            self._body_bytes += size
