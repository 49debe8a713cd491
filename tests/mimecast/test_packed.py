"""Bodies that are packed, well, badly, or on purpose."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from exporter.mimecast import MimecastError, errors
from exporter.mimecast.bodies import gunzip
from tests.mimecast.calls import client_of, failure, fetch
from tests.rawserver import http, raw_server, sends
from tests.vendor_samples import answer

pytestmark = pytest.mark.anyio


async def test_a_packed_answer_is_unpacked(web: httpx.AsyncClient) -> None:
    members = gzip.compress(b'{"fail": [], "data"') + gzip.compress(b": []}")
    async with raw_server(sends(http(200, members, headers={"content-encoding": "gzip"}))) as server:
        queue = await fetch(client_of(web, server.base_url))
    assert queue.items == ()
    assert queue.size == len('{"fail": [], "data": []}')


@pytest.mark.parametrize("encoding", ["", " ", "identity", "Identity"])
async def test_an_answer_that_says_it_is_not_packed_is_taken_as_it_is(web: httpx.AsyncClient, encoding: str) -> None:
    body = json.dumps(answer()).encode()
    async with raw_server(sends(http(200, body, headers={"content-encoding": encoding}))) as server:
        assert (await fetch(client_of(web, server.base_url))).items == ()


@pytest.mark.parametrize("encoding", ["x-gzip", "GZip "])
async def test_gzip_has_an_older_name_and_no_case(web: httpx.AsyncClient, encoding: str) -> None:
    body = gzip.compress(json.dumps(answer()).encode())
    async with raw_server(sends(http(200, body, headers={"content-encoding": encoding}))) as server:
        assert (await fetch(client_of(web, server.base_url))).items == ()


async def test_nothing_at_all_is_not_cut_short_but_no_json(web: httpx.AsyncClient) -> None:
    error, _ = await failure(web, sends(http(200, b"", headers={"content-encoding": "gzip"})))
    assert "not JSON" in str(error)


@pytest.mark.parametrize(
    ("encoding", "body", "kind"),
    [
        ("gzip", gzip.compress(bytes(80_000_000)), errors.ResponseTooLarge),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}")), errors.InvalidResponse),
        ("br", b"xxxx", errors.InvalidResponse),
        ("gzip", gzip.compress(b'{"data": []}')[:-9], errors.InvalidResponse),
        ("gzip", gzip.compress(b'{"data": []}') + gzip.compress(b" ")[:-9], errors.InvalidResponse),
        ("gzip", b"no gzip at all", errors.InvalidResponse),
    ],
    ids=["bomb", "packed twice", "another coding", "cut short", "second part cut short", "not packed"],
)
async def test_a_badly_packed_answer_is_refused(
    web: httpx.AsyncClient, encoding: str, body: bytes, kind: type[MimecastError]
) -> None:
    error, _ = await failure(web, sends(http(200, body, headers={"content-encoding": encoding})))
    assert type(error) is kind


async def test_a_bomb_is_unpacked_a_piece_at_a_time() -> None:
    class Packed(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield gzip.compress(bytes(40_000_000))

    sizes = [len(piece) async for piece in gunzip(Packed())]
    assert sum(sizes) == 40_000_000
    assert max(sizes) <= 1024 * 1024
