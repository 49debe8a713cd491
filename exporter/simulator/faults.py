"""Faults that can be enabled for a number of requests or until they are removed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta
from starlette.responses import Response

from .items import Endpoint

#: An API endpoint by the last part of its path, or the token endpoint.
FaultEndpoint = Endpoint | Literal["token"]
ENDPOINTS: tuple[str, ...] = (*get_args(Endpoint), "token")

_HeaderName = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")]
_HeaderValue = Annotated[str, Meta(pattern=r"\A[\x20-\x7e]*\Z")]
#: Headers that the server sets to match the body.
_FRAMING = {"content-length", "transfer-encoding"}


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One fault.

    Attributes:
        endpoint: the endpoint it affects: the last part of its path, or `token`.
        account: the account it affects, None for all.
        times: the number of requests it affects, None until it is removed.
        status: the HTTP status.
        headers: additional headers of the answer.
        body: the body of the answer; a string is sent as it is, anything else as JSON.
        filler: bytes of white space after the body.
        delay: seconds before the answer.
        replace: fields that replace those of every item in a regular answer.
        endless: every page names a next page: `other` always a new one, `same` always the same one.
    """

    endpoint: FaultEndpoint = "get-queue"
    account: str | None = None
    times: Annotated[int, Meta(ge=1)] | None = None
    status: Annotated[int, Meta(ge=200, le=599)] = 200
    headers: dict[_HeaderName, _HeaderValue] = msgspec.field(default_factory=dict)
    body: Any = None
    filler: Annotated[int, Meta(ge=0, le=2**28)] = 0
    delay: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    replace: dict[str, Any] = msgspec.field(default_factory=dict)
    endless: Literal["", "other", "same"] = ""

    def __post_init__(self) -> None:
        """Refuse headers that the server writes itself."""
        if framing := sorted(_FRAMING & {name.lower() for name in self.headers}):
            raise ValueError(f"The server writes the header {framing[0]} itself")

    @property
    def answers(self) -> bool:
        """Whether the answer is the fault's own instead of the API's."""
        return self.status != 200 or self.body is not None or bool(self.filler)

    def response(self) -> Response:
        """Return the fault's own answer."""
        text = self.body if isinstance(self.body, str) else "" if self.body is None else json.dumps(self.body)
        content = b"" if self.status in (204, 304) else text.encode("utf-8", "replace") + b" " * self.filler
        kind = "application/json" if not isinstance(self.body, str) else "text/html; charset=utf-8"
        return Response(content, self.status, self.headers, media_type=kind)


@dataclass
class Faults:
    """The active faults; the first that matches a request applies."""

    active: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Enable a fault."""
        self.active.append(fault)

    def clear(self) -> None:
        """Remove every fault."""
        self.active.clear()

    def take(self, endpoint: FaultEndpoint, account: str) -> Fault | None:
        """Return the fault that applies to this request, if any, and count the request."""
        for fault in self.active:
            if fault.endpoint == endpoint and fault.account in (None, account):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.active.remove(fault)
                return fault
        return None


def refusal(code: str, message: str, *, shape: Literal["nested", "flat", "error"] = "nested") -> dict[str, Any]:
    """Return the body of a refusal in one of the three shapes that the API is known to use."""
    if shape == "error":
        return {"error": {"code": code, "message": message}}
    item = {"code": code, "message": message, "retryable": False}
    return {"meta": {"status": 200}, "data": [], "fail": [item if shape == "flat" else {"errors": [item]}]}
