"""What a fault is: one thing that goes wrong with the API, and what it may cost."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.rawserver import Answer, Received, http, json_answer
from tests.vendor_samples import NEWER, OLDER, answer

#: Seconds an API call may take here; long enough on a loaded machine, short enough for tests of silence.
TIMEOUT = 1.5
#: What no answer of the exporter and no log line may hold: faulty answers do.
PLANTED = "planted"
#: Stands in a faulty answer for the address of another host, which counts who connects to it.
OTHER_HOST = b"http://other.host"
GOOD = json_answer(answer(OLDER, NEWER))
TOKEN = json_answer({"access_token": PLANTED, "expires_in": 100})

Place = Literal["an unknown name", "a closed port", "an expired certificate", "an unknown authority", "a plain port"]


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        answer: what the API does; bytes are sent as they are.
        reason: the expected reason; empty where the answer can be used all the same.
        kept: campaigns with series afterwards, where the answer can be used.
        absent: samples that must not be there, where it can: metric and labels.
        settings: of the `api:` section.
        token: what the token endpoint does; with it the account uses API 2.0.
        place: where the API's address leads, instead of to the API.

    """

    answer: Answer | bytes = GOOD
    reason: str = ""
    kept: int | None = None
    absent: Sequence[tuple[str, Mapping[str, str]]] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    token: Answer | bytes | None = None
    place: Place | None = None


def raw_json(text: str) -> bytes:
    """An answer with this JSON, or what is called so."""
    return http(200, text.encode("utf-8", "surrogateescape"), {"content-type": "application/json"})


def with_field(name: str, value: str) -> bytes:
    """A queue of one good campaign and one whose field holds this JSON."""
    odd = json.dumps(NEWER | {"id": "odd", name: "@"}).replace('"@"', value)
    return raw_json(f'{{"fail": [], "meta": {{"status": 200}}, "data": [{json.dumps(OLDER)}, {odd}]}}')


async def silence(_: Received, writer: asyncio.StreamWriter) -> None:
    """Say nothing."""
    await asyncio.sleep(2 * TIMEOUT)


async def one_byte_at_a_time(_: Received, writer: asyncio.StreamWriter) -> None:
    """Keep an answer going, byte by byte."""
    writer.write(http(200, headers={"content-length": "5000"}))
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def reset_in_the_body(_: Received, writer: asyncio.StreamWriter) -> None:
    """Reset the connection halfway through a good answer."""
    writer.write(GOOD[: len(GOOD) // 2])
    await writer.drain()
    writer.transport.abort()


async def pages_without_end(request: Received, writer: asyncio.StreamWriter) -> None:
    """Name a next page on every page."""
    given = json.loads(request.body).get("meta", {}).get("pagination", {}).get("pageToken", "0")
    meta = {"status": 200, "pagination": {"next": str(int(given) + 1)}}
    writer.write(json_answer(answer(NEWER | {"id": given}, meta=meta)))


async def large(_: Received, writer: asyncio.StreamWriter) -> None:
    """Send 200 MB."""
    writer.write(http(200, headers={"content-length": "200000000"}))
    for _piece in range(200):
        writer.write(b" " * 1_000_000)
        await writer.drain()


def refused_once(good: bytes, status: int = 401) -> Answer:
    """Say that the token has expired, to the request after that give the good answer, and so on."""
    answers = itertools.cycle([json_answer({"fail": [{"code": "token_expired"}]}, status), good])

    async def respond(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))

    return respond
