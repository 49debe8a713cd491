"""A metric family, and how its samples are read from a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

Record = TypeVar("Record")
Number = int | float
#: The values of a family's own labels, and the sample's value.
Sample = tuple[tuple[str, ...], Number]
MetricType = Literal["gauge", "counter"]


@dataclass(frozen=True)
class Family(Generic[Record]):
    """One metric family.

    Attributes:
        name: the family's full name, with `_total` for a counter.
        help: one sentence, for HELP and for docs/metrics.md.
        read: returns, without `labels`, the value of a record's sample or None for no sample; with `labels`, its
            samples.
        source: the API's field or fields, for docs/metrics.md.
        type: `gauge` or `counter`.
        labels: the family's own labels, after those that identify the record.
    """

    name: str
    help: str
    read: Callable[[Record], Number | None] | Callable[[Record], Iterable[Sample]]
    source: str = ""
    type: MetricType = "gauge"
    labels: tuple[str, ...] = ()

    def samples(self, record: Record) -> Iterable[Sample]:
        """Return the samples of a record."""
        found: Any = self.read(record)
        if self.labels:
            return found  # type: ignore[no-any-return] # `read` has two shapes, told apart by `labels`
        return () if found is None else (((), found),)
