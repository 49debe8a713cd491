"""The endpoints under /simulator/, which control faults and the clock and list the requests received."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .faults import ENDPOINTS, Fault
from .items import DAY

if TYPE_CHECKING:
    from .api import Simulator

#: The largest total advance of the clock, ten years, in seconds.
_MAX_ADVANCE = 3650 * DAY

Body = TypeVar("Body")


class _Advance(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request to move the clock."""

    advance: Annotated[float, Meta(ge=0)]


class InvalidInput(Exception):
    """The body of a request is invalid; the message says why."""


def routes(simulator: Simulator) -> list[Route]:
    """Return the routes under /simulator/."""

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            simulator.faults.clear()
        elif request.method == "PUT":
            fault = _decoded(await request.body(), Fault)
            names = [account.name for account in simulator.accounts]
            if fault.account is not None and fault.account not in names:
                raise InvalidInput(f"No account has this name; the accounts are {', '.join(names)} - at `$.account`")
            simulator.faults.add(fault)
        return JSONResponse(msgspec.to_builtins(simulator.faults.active))

    def show_requests(_: Request) -> Response:
        return JSONResponse(msgspec.to_builtins(simulator.requests))

    async def move_clock(request: Request) -> Response:
        seconds = _decoded(await request.body(), _Advance).advance
        if simulator.advanced + seconds > _MAX_ADVANCE:
            raise InvalidInput(
                "The clock can be moved by at most ten years (315360000 seconds) in total - at `$.advance`"
            )
        simulator.advanced += seconds
        return JSONResponse({"campaign_time": simulator.campaign_time})

    return [
        Route("/simulator/faults", faults, methods=["GET", "PUT", "DELETE"]),
        Route("/simulator/requests", show_requests),
        Route("/simulator/clock", move_clock, methods=["POST"]),
    ]


def _decoded(body: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        hint = f"; the endpoints are {', '.join(ENDPOINTS)}" if "$.endpoint" in str(error) else ""
        raise InvalidInput(f"{error}{hint}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput("The body is not JSON") from error
