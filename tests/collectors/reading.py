"""Items of the API as the exposition of one collector of the account `acme`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from exporter.collectors import Collector
from exporter.collectors.selection import records_to_export
from exporter.exposition.text import format_labels, merge, render_records
from exporter.mimecast import Answer
from tests.serving import HMAC, account

ACCOUNT = account("acme", "https://api.example", HMAC)


def records_of(collector: Collector[Any], items: Sequence[bytes]) -> Sequence[Any]:
    """The records that are exported of raw items."""
    decoded = [collector.decode(msgspec.Raw(item), ACCOUNT) for item in items]
    found = tuple(record for record in decoded if record is not None)
    records, _ = records_to_export(Answer(found, decoded.count(None), 0), collector, ACCOUNT, 1_790_000_000.0)
    return records


def exposition_of(collector: Collector[Any], records: Sequence[Any]) -> str:
    """The records' whole text, with HELP and TYPE."""
    prefix = format_labels(("account",), (ACCOUNT.name,))
    texts = asyncio.run(render_records(collector.families, records, prefix, collector.labels))
    return b"".join(merge(collector.families, [texts])).decode()


def samples_of(collector: Collector[Any], *items: Any) -> list[str]:
    """The lines of the items' samples."""
    return samples_of_raw(collector, *(json.dumps(item).encode() for item in items))


def samples_of_raw(collector: Collector[Any], *items: bytes) -> list[str]:
    """The lines of the samples of items as the API sends them."""
    return [line for line in exposition_of(collector, records_of(collector, items)).splitlines() if line[0] != "#"]
