"""A refresh in memory: from the bytes of an answer to text and gzip, against its floor and against plain libraries."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from isal import igzip
from prometheus_client.openmetrics.exposition import generate_latest

from benchmarks.library import ACCOUNT, campaigns_in, registry_of
from benchmarks.measuring import medians
from benchmarks.rows import Row, a_share, at_most
from exporter.collectors.campaigns import CAMPAIGNS, Campaign, decode
from exporter.exposition.compression import CachedBody
from exporter.exposition.text import FamilyTexts, merge, render_records
from exporter.mimecast.client import decode_items
from exporter.mimecast.envelope import open_envelope
from exporter.simulator.campaigns import Queue

BODY = 8192
BEGAN = 1_790_000_000.0
LARGE = 10_000


def answer_of(campaigns: int) -> bytes:
    """Return an answer of get-queue with mail bodies of 8 KB."""
    items = list(Queue(1, "acme", campaigns, BEGAN, BODY).items(BEGAN))
    return json.dumps({"fail": [], "meta": {"status": 200}, "data": items}).encode()


async def refresh(answer: bytes) -> int:
    """Do what the exporter does with an answer; return the size of what it would send."""
    decoded = await decode_items(open_envelope(answer), lambda item: decode(item, ACCOUNT))
    texts = await render("acme", [campaign for campaign in decoded if campaign is not None])
    return sum(map(len, await CachedBody(merge(CAMPAIGNS.families, [texts])).gzip(b"")))


async def render(account: str, campaigns: Sequence[Campaign]) -> FamilyTexts:
    """Render an account's campaigns."""
    return await render_records(CAMPAIGNS.families, campaigns, f'account="{account}"', CAMPAIGNS.labels)


class _Typed(msgspec.Struct, rename="camel"):
    """The fields of a campaign, with the types the documentation gives them."""

    id: str
    title: dict[str, Any]
    launch_date: str
    num_sent: int
    num_completed: int
    locked: bool
    assign_to_new_users: bool
    email_customized: bool
    option_spread: dict[str, int]


class _Answer(msgspec.Struct):
    data: list[_Typed]


def floor(answer: bytes, ready: list[str]) -> int:
    """Decode the same bytes, join ready-made strings of the same size, and compress them: no refresh can be cheaper."""
    msgspec.json.decode(answer, type=_Answer)
    text = "".join(ready).encode()
    return len(igzip.compress(text, compresslevel=1))


def library(answer: bytes) -> int:
    """Do the same with json, prometheus_client and its gzip."""
    items = json.loads(answer)["data"]
    campaigns = [decode(json.dumps({**item, "emailMsg": None}).encode(), ACCOUNT) for item in items]
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(generate_latest(registry_of([one for one in campaigns if one])))
    return packed.tell()


async def _packed(texts: FamilyTexts) -> object:
    return await CachedBody(merge(CAMPAIGNS.families, [texts])).gzip(b"")


def _shares(found: dict[str, float]) -> str:
    steps = ("envelope", "fields", "text", "gzip")
    return ", ".join(f"{step} {found[step] / found['floor']:.1f}" for step in steps)


def compare(campaigns: int, rounds: int) -> dict[str, float]:
    """CPU seconds of each way, by name; and of each step of ours, and of the library's text."""
    answer = answer_of(campaigns)
    decoded, envelope = campaigns_in(answer), open_envelope(answer)
    texts = asyncio.run(render("acme", decoded))
    ready = b"".join(merge(CAMPAIGNS.families, [texts])).decode().splitlines(keepends=True)
    registry = registry_of(decoded)
    return medians(
        {
            "refresh": lambda: asyncio.run(refresh(answer)),
            "floor": lambda: floor(answer, ready),
            "library": lambda: library(answer),
            "envelope": lambda: open_envelope(answer),
            "fields": lambda: asyncio.run(decode_items(envelope, lambda item: decode(item, ACCOUNT))),
            "text": lambda: asyncio.run(render("acme", decoded)),
            "gzip": lambda: asyncio.run(_packed(texts)),
            "text of the library": lambda: generate_latest(registry),
        },
        rounds,
    )


def rows(sizes: tuple[int, ...], rounds: int) -> Iterator[Row]:
    """Measure refreshes of so many campaigns."""
    taken = {}
    for size in sizes:
        found = compare(size, rounds)
        taken[size] = found["refresh"]
        goal = size == LARGE
        name = f"refresh of {size} campaigns: CPU"
        yield at_most(f"{name} against the floor", found["refresh"] / found["floor"], 2)
        yield Row(f"{name} of its steps, in shares of the floor", _shares(found))
        share = found["refresh"] / found["library"]
        yield a_share(f"{name} against json, prometheus_client and gzip", share, 1 / 7 if goal else None)
        share = found["text"] / found["text of the library"]
        yield a_share(f"text of {size} campaigns: CPU against prometheus_client", share, 1 / 10 if goal else None)
    if len(sizes) == 2:
        yield at_most("refresh: CPU, 10 000 : 1 000 campaigns", taken[sizes[1]] / taken[sizes[0]], 11)
