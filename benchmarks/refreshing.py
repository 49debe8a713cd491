"""A refresh in memory: from the bytes of an answer to text and gzip, against its floor and against plain libraries."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import time
from collections.abc import Iterable
from typing import Any

import msgspec
from isal import igzip
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest

from benchmarks.measuring import medians
from exporter.compression import KeptText
from exporter.exposition import merge_campaigns, render_campaigns
from exporter.metrics import CAMPAIGN_LABELS, CAMPAIGN_METRICS, CampaignMetric
from exporter.mimecast import Campaign
from exporter.mimecast.campaign import decode_campaign
from exporter.mimecast.client import _Reading
from exporter.mimecast.envelope import open_envelope
from exporter.simulator.campaigns import Queue

BODY = 8192
BEGAN = 1_790_000_000.0


def answer_of(campaigns: int) -> bytes:
    """An answer of get-queue with mail bodies of 8 KB."""
    items = list(Queue(1, "acme", campaigns, BEGAN, BODY).items(BEGAN))
    return json.dumps({"fail": [], "meta": {"status": 200}, "data": items}).encode()


async def refresh(answer: bytes) -> int:
    """What the exporter does with an answer; gives the size of what it would send."""
    reading = _Reading("count")
    await reading.add(open_envelope(answer))
    texts = await render_campaigns("acme", reading.queue(len(answer)).campaigns)
    return sum(map(len, (await KeptText(merge_campaigns([texts])).packed()).parts))


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
    """Decoding the same bytes, joining ready-made strings of the same size, and packing them: what no refresh beats."""
    msgspec.json.decode(answer, type=_Answer)
    text = "".join(ready).encode()
    return len(igzip.compress(text, compresslevel=1))


class _Families:
    """The campaigns as prometheus_client's families."""

    def __init__(self, campaigns: Iterable[Campaign]) -> None:
        self._campaigns = list(campaigns)

    def collect(self) -> Iterable[Metric]:
        for metric in CAMPAIGN_METRICS:
            own = () if isinstance(metric, CampaignMetric) else metric.labels
            family = GaugeMetricFamily(metric.name, metric.help, labels=[*CAMPAIGN_LABELS, *own])
            for one in self._campaigns:
                labels = ("acme", one.campaign_id, one.title)
                if isinstance(metric, CampaignMetric):
                    value = metric.read(one)
                    if value is not None:
                        family.add_metric(labels, value)
                else:
                    for values, number in metric.read(one):
                        family.add_metric((*labels, *values), number)
            yield family


def library(answer: bytes) -> int:
    """The same with json, prometheus_client and its gzip."""
    items = json.loads(answer)["data"]
    campaigns = [decode_campaign(json.dumps({**item, "emailMsg": None}).encode()) for item in items]
    registry = CollectorRegistry()
    registry.register(_Families(one for one in campaigns if one))
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(generate_latest(registry))
    return packed.tell()


def compare(campaigns: int, rounds: int) -> dict[str, float]:
    """CPU seconds of each way, by name; and of the text alone, ours and the library's."""
    answer = answer_of(campaigns)
    decoded = tuple(one for item in open_envelope(answer).data or [] if (one := decode_campaign(item)))
    ready = (
        b"".join(merge_campaigns([asyncio.run(render_campaigns("acme", decoded))])).decode().splitlines(keepends=True)
    )
    registry = CollectorRegistry()
    registry.register(_Families(decoded))
    return medians(
        {
            "refresh": lambda: asyncio.run(refresh(answer)),
            "floor": lambda: floor(answer, ready),
            "library": lambda: library(answer),
            "text": lambda: asyncio.run(render_campaigns("acme", decoded)),
            "text of the library": lambda: generate_latest(registry),
        },
        rounds,
    )


async def _longest_hold(answer: bytes) -> float:
    longest, last, ended = 0.0, time.perf_counter(), False

    async def tick() -> None:
        nonlocal longest, last
        while not ended:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    last = time.perf_counter()
    await refresh(answer)
    ended = True
    await ticking
    return longest


def longest_hold(campaigns: int, rounds: int) -> float:
    """Seconds for which a refresh kept everything else from running: the least of the rounds, others being noise."""
    answer = answer_of(campaigns)
    return min(asyncio.run(_longest_hold(answer)) for _ in range(rounds))
