"""How an exposition is sent: in bounded chunks, each made when the last has been taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.types import Message, Receive, Scope

from exporter.exposition.compression import CHUNK_SIZE
from exporter.http.handlers.scrape import ExpositionResponse

pytestmark = pytest.mark.anyio

GET: Scope = {"type": "http", "method": "GET"}


async def receive() -> Message:
    raise AssertionError("nothing is received")


class Counted(list[bytes]):
    """Parts that count how many of them have been taken; their number and sizes are asked for before."""

    taken = 0

    def __iter__(self) -> Iterator[bytes]:
        self.taken = 0
        for part in super().__iter__():
            self.taken += 1
            yield part


async def sent(parts: list[bytes], scope: Scope = GET, receive: Receive = receive) -> list[Message]:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    await ExpositionResponse(parts, "text", gzip=False)(scope, receive, send)
    return messages


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE + 5])
@pytest.mark.parametrize("part", [1000, CHUNK_SIZE // 2, CHUNK_SIZE // 2 + 1, 10 * CHUNK_SIZE])
async def test_the_body_is_sent_whole_in_chunks_before_an_empty_last_message(size: int, part: int) -> None:
    text = bytes(number % 251 for number in range(size))
    start, *chunks, last = await sent([text[begin : begin + part] for begin in range(0, size, part)])
    assert b"".join(message["body"] for message in chunks) == text
    assert dict(start["headers"])[b"content-length"] == str(size).encode()
    assert all(0 < len(message["body"]) <= CHUNK_SIZE and message["more_body"] for message in chunks)
    assert (last["body"], last["more_body"]) == (b"", False)


async def test_a_chunk_is_made_when_the_last_has_been_taken() -> None:
    small = 1000
    parts = Counted([bytes(small)] * 1000)
    most = 2 + CHUNK_SIZE // small
    response, taken = ExpositionResponse(parts, "text", gzip=False), [0]

    async def send(message: Message) -> None:
        if message.get("body"):
            assert parts.taken - taken[-1] <= most
            taken.append(parts.taken)

    await response(GET, receive, send)
    assert taken[-1] == len(parts)
    assert len(taken) > 5


async def test_head_has_the_length_and_no_body() -> None:
    start, last = await sent([b"text"], {"type": "http", "method": "HEAD"})
    assert dict(start["headers"])[b"content-length"] == b"4"
    assert last["body"] == b""
