"""Campaigns of any answer, rendered: prometheus_client's parser reads exactly the samples that the tables tell of."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from prometheus_client.parser import text_string_to_metric_families

from exporter.collectors.campaigns import CAMPAIGNS, Campaign, decode
from exporter.exposition.text import merge, render_records
from exporter.mimecast import MimecastError
from exporter.mimecast.envelope import open_envelope
from fuzzing import decoder

SEEDS = decoder.SEEDS
WORDS = [*decoder.WORDS, rb"\n", rb"\"", b"\\\\", rb"\r", rb"\u2028", rb"\u0085", rb"\u0000", b'"} 1', "é".encode()]

T = TypeVar("T")
Sample = tuple[str, frozenset[tuple[str, str]], float]


def hold(data: bytes) -> None:
    """Render the campaigns of an answer."""
    try:
        items = open_envelope(data).data or ()
    except MimecastError:
        return
    decoded = [campaign for item in items if (campaign := decode(item, decoder.COUNT))]
    campaigns = list({campaign.campaign_id: campaign for campaign in decoded}.values())
    texts = _outcome(render_records(CAMPAIGNS.families, campaigns, 'account="acme"', CAMPAIGNS.labels))
    text = b"".join(merge(CAMPAIGNS.families, [texts])).decode()
    read = [
        (sample.name, frozenset(sample.labels.items()), float(sample.value))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]
    expected = _expected(campaigns)
    assert len(read) == len(expected)
    assert set(read) == set(expected)


def _outcome(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what only gives others their turn."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value


def _expected(campaigns: Sequence[Campaign]) -> list[Sample]:
    samples: list[Sample] = []
    for campaign in campaigns:
        labels = {"account": "acme", "campaign_id": campaign.campaign_id, "title": campaign.title}
        for family in CAMPAIGNS.families:
            for values, number in family.samples(campaign):
                own = labels | dict(zip(family.labels, values, strict=True))
                samples.append((family.name, frozenset(own.items()), float(number)))
    return samples
