"""What can be made to go wrong, for a while or until further notice."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.responses import Response

Endpoint = Literal["get-queue", "token"]


@dataclass
class Fault:
    """One thing that goes wrong.

    Attributes:
        endpoint: where.
        account: for whom, None for all.
        times: for how many requests, None until it is removed.
        status: the HTTP status.
        headers: of the answer.
        body: of the answer; a string as it is, anything else as JSON.
        filler: bytes of white space after the body.
        delay: seconds before the answer.
        replace: fields put over each campaign, in an answer that is otherwise good.
        endless: every page names a next one; `same` names the same one.

    """

    endpoint: Endpoint = "get-queue"
    account: str | None = None
    times: int | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    filler: int = 0
    delay: float = 0.0
    replace: dict[str, Any] = field(default_factory=dict)
    endless: Literal["", "other", "same"] = ""

    @property
    def answers(self) -> bool:
        """Whether the answer is the fault's own, and not the API's."""
        return self.status != 200 or self.body is not None or bool(self.filler)

    def response(self) -> Response:
        """The fault's own answer."""
        text = self.body if isinstance(self.body, str) else "" if self.body is None else json.dumps(self.body)
        kind = "application/json" if not isinstance(self.body, str) else "text/html; charset=utf-8"
        return Response(text.encode() + b" " * self.filler, self.status, self.headers, media_type=kind)


@dataclass
class Faults:
    """The faults that are switched on; the first that fits holds."""

    active: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Switch a fault on."""
        self.active.append(fault)

    def clear(self) -> None:
        """Mend everything."""
        self.active.clear()

    def take(self, endpoint: Endpoint, account: str) -> Fault | None:
        """The fault that this request meets, if any."""
        for fault in self.active:
            if fault.endpoint == endpoint and fault.account in (None, account):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.active.remove(fault)
                return fault
        return None


def refusal(code: str, message: str, *, shape: Literal["nested", "flat", "error"] = "nested") -> dict[str, Any]:
    """A refusal's body in one of the three shapes the API was seen to use."""
    if shape == "error":
        return {"error": {"code": code, "message": message}}
    item = {"code": code, "message": message, "retryable": False}
    return {"meta": {"status": 200}, "data": [], "fail": [item if shape == "flat" else {"errors": [item]}]}
