"""The addresses under /simulator/ that switch faults, move the clock and show the requests received."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .faults import decode_fault
from .items import DAY

if TYPE_CHECKING:
    from .api import Simulator

#: Seconds that the clock can be moved in all: ten years.
_MAX_ADVANCE = 3650 * DAY


class _Advance(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request to move the clock."""

    advance: Annotated[float, Meta(ge=0)]


class Control:
    """The handlers for one simulator; each answers 400 and a reason to a body that it does not understand."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        """Return the routes under /simulator/."""
        return [
            Route("/simulator/faults", self._show_faults, methods=["GET"]),
            Route("/simulator/faults", self._add_fault, methods=["PUT"]),
            Route("/simulator/faults", self._clear_faults, methods=["DELETE"]),
            Route("/simulator/requests", self._show_requests),
            Route("/simulator/clock", self._move_clock, methods=["POST"]),
        ]

    async def _show_faults(self, _: Request) -> Response:
        return JSONResponse(msgspec.to_builtins(self._simulator.faults.active))

    async def _add_fault(self, request: Request) -> Response:
        names = [account.name for account in self._simulator.accounts]
        try:
            fault = decode_fault(await request.body())
        except ValueError as error:
            return _bad_request(str(error))
        if fault.account is not None and fault.account not in names:
            return _bad_request(f"No account has this name; the accounts are {', '.join(names)} - at `$.account`")
        self._simulator.faults.add(fault)
        return await self._show_faults(request)

    async def _clear_faults(self, request: Request) -> Response:
        self._simulator.faults.clear()
        return await self._show_faults(request)

    async def _show_requests(self, _: Request) -> Response:
        return JSONResponse(msgspec.to_builtins(self._simulator.requests))

    async def _move_clock(self, request: Request) -> Response:
        try:
            seconds = msgspec.json.decode(await request.body(), type=_Advance).advance
        except msgspec.ValidationError as error:
            return _bad_request(str(error))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _bad_request("The body is not JSON")
        if self._simulator.advanced + seconds > _MAX_ADVANCE:
            return _bad_request("The clock can be moved by ten years (315360000 seconds) in all - at `$.advance`")
        self._simulator.advanced += seconds
        return JSONResponse({"campaign_time": self._simulator.campaign_time})


def _bad_request(reason: str) -> Response:
    return JSONResponse({"error": reason}, 400)
