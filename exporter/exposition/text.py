"""Render metric families as exposition text.

The text of samples is valid both as Prometheus text 0.0.4 and as OpenMetrics 1.0, so it is rendered once; only HELP and
TYPE of a counter differ. Tests parse it with prometheus_client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from prometheus_client import Metric

from exporter.exposition.family import Family, Number, Record, Sample

Format = Literal["text", "openmetrics"]

CONTENT_TYPES: Mapping[Format, str] = {
    "text": "text/plain; version=0.0.4; charset=utf-8",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
}
#: Records rendered before the event loop runs other tasks.
YIELD_EVERY = 250
#: Records whose samples of one family form one chunk of text.
CHUNK_RECORDS = 4 * YIELD_EVERY

#: The samples' text by family name, in chunks; families without a sample are left out.
FamilyTexts = Mapping[str, Sequence[bytes]]


def escape_label(value: str) -> str:
    """Return an escaped label value."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def format_number(value: Number) -> str:
    """Return a sample's value as text: whole numbers without a decimal point."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(int(value))


def format_labels(names: Iterable[str], values: Iterable[str]) -> str:
    """Return labels in the text format, without braces."""
    return ",".join([f'{name}="{escape_label(value)}"' for name, value in zip(names, values, strict=True)])


async def render_records(
    families: Sequence[Family[Record]], records: Sequence[Record], prefix: str, labels: Sequence[str]
) -> FamilyTexts:
    """Render the samples of many records, family by family, without HELP and TYPE.

    `prefix` has the labels that all records share, from `format_labels`; `labels` names the attributes of a record that
    become further labels.
    """
    texts: dict[str, list[bytes]] = {}
    for start in range(0, len(records), CHUNK_RECORDS):
        chunk = await _render_chunk(families, records[start : start + CHUNK_RECORDS], prefix, labels)
        for name, text in chunk.items():
            if text:
                texts.setdefault(name, []).append(text.encode("latin-1"))
    return texts


async def _render_chunk(
    families: Sequence[Family[Record]], records: Sequence[Record], prefix: str, labels: Sequence[str]
) -> dict[str, str]:
    texts = {family.name: "" for family in families}
    label = _labeller(prefix, labels)
    for start in range(0, len(records), YIELD_EVERY):
        labelled = [(record, label(record)) for record in records[start : start + YIELD_EVERY]]
        for family in families:
            texts[family.name] += _render_samples(family, labelled)
        await asyncio.sleep(0)
    return texts


def _labeller(prefix: str, labels: Sequence[str]) -> Callable[[Any], str]:
    """Return a function that renders a record's labels, with one character for each byte of their UTF-8.

    Otherwise a single emoji would make the whole text take four bytes per character in memory.
    """
    template = prefix.replace("%", "%%") + "".join([f',{name}="%s"' for name in labels])
    return lambda record: _as_latin_1(template % tuple([escape_label(getattr(record, name)) for name in labels]))


def _as_latin_1(text: str) -> str:
    return text if text.isascii() else text.encode().decode("latin-1")


def _render_samples(family: Family[Record], records: Sequence[tuple[Record, str]]) -> str:
    # Joining a list is faster than joining a generator, and most values are ints, which need no formatting.
    name, read = family.name, family.read
    if not family.labels:
        return "".join(
            [
                f"{name}{{{labels}}} {value if type(value) is int else format_number(value)}\n"  # type: ignore[arg-type] # see Family
                for record, labels in records
                if (value := read(record)) is not None
            ]
        )
    own = _own_labels(family.labels, _as_latin_1)
    return "".join(
        [
            f"{name}{{{labels},{own[values]}}} {value if type(value) is int else format_number(value)}\n"
            for record, labels in records
            for values, value in read(record)  # type: ignore[union-attr] # see Family
        ]
    )


def render_record(families: Iterable[Family[Record]], record: Record, labels: str) -> FamilyTexts:
    """Render the samples of one record under these labels (from `format_labels`), family by family."""
    rendered = {family.name: _lines(family, family.samples(record), labels) for family in families}
    return {name: [text.encode()] for name, text in rendered.items() if text}


def _lines(family: Family[Any], samples: Iterable[Sample], labels: str) -> str:
    own = _own_labels(family.labels, str)
    comma = "," if labels and family.labels else ""
    return "".join([_line(family.name, f"{labels}{comma}{own[values]}", value) for values, value in samples])


class _OwnLabels(dict[tuple[str, ...], str]):
    """The text of a family's own labels by their values, which are few: numbers, reasons, statuses."""

    def __init__(self, names: tuple[str, ...], encode: Callable[[str], str]) -> None:
        super().__init__()
        self._names = names
        self._encode = encode

    def __missing__(self, values: tuple[str, ...]) -> str:
        text = self[values] = self._encode(format_labels(self._names, values))
        return text


@lru_cache(maxsize=256)
def _own_labels(names: tuple[str, ...], encode: Callable[[str], str]) -> _OwnLabels:
    return _OwnLabels(names, encode)


def merge(families: Iterable[Family[Any]], texts: Sequence[FamilyTexts], form: Format = "text") -> list[bytes]:
    """Merge several renderings: each family once, after its HELP and TYPE. No sample is copied."""
    parts: list[bytes] = []
    for family in families:
        samples = [chunk for text in texts for chunk in text.get(family.name, ())]
        if samples:
            parts.append(head(family.name, family.type, family.help, form))
            parts.extend(samples)
    return parts


def render_metrics(metrics: Iterable[Metric], form: Format) -> bytes:
    """Render gauges and counters of prometheus_client."""
    return b"".join(
        head(metric.name + "_total" * (metric.type == "counter"), metric.type, metric.documentation, form)
        + "".join(
            [
                _line(sample.name, format_labels(sample.labels, sample.labels.values()), sample.value)
                for sample in metric.samples
            ]
        ).encode()
        for metric in metrics
    )


def _line(name: str, labels: str, value: Number) -> str:
    return f"{name}{{{labels}}} {format_number(value)}\n" if labels else f"{name} {format_number(value)}\n"


def head(name: str, metric_type: str, text: str, form: Format = "text") -> bytes:
    """Return HELP and TYPE; OpenMetrics names a counter's family without its `_total`."""
    family = name.removesuffix("_total") if form == "openmetrics" and metric_type == "counter" else name
    return f"# HELP {family} {text}\n# TYPE {family} {metric_type}\n".encode()
