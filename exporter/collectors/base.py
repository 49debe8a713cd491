"""The definition of a collector: an API endpoint, how its items are decoded, and the families of its records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

import msgspec

from exporter.config import Account
from exporter.exposition.family import Family, Record
from exporter.mimecast import Endpoint

__all__ = ["Collector", "Family"]


@dataclass(frozen=True)
class Collector(Generic[Record]):
    """One entry of the table of collectors.

    Attributes:
        name: its name in `collectors:`, in `collect[]` and in the label `collector`.
        help: one sentence on what it exports, for docs/metrics.md.
        endpoint: the endpoint that it calls.
        decode: returns the record of one raw item of the answer, or None if the item cannot be decoded.
        families: the metric families of each record.
        labels: attributes of a record that become labels, after `account`. The first one identifies the record. Without
            labels the account has one record.
        counted_as: the family that counts the records if they are campaigns, which have `title` and `launch_time`: the
            account's `campaigns:` filter applies to them, and `<counted_as>_skipped` counts those left out.
        notice: returns a warning for the operator, such as a setting that contradicts the records, or an empty string.
        enabled_by_default: whether it is enabled without `collectors:` in the configuration.
    """

    name: str
    help: str
    endpoint: Endpoint
    decode: Callable[[msgspec.Raw, Account], Record | None]
    families: tuple[Family[Record], ...]
    labels: tuple[str, ...] = ()
    counted_as: str = ""
    notice: Callable[[Sequence[Record], Account], str] = lambda _records, _account: ""
    enabled_by_default: bool = False

    def identity(self, record: Record) -> object:
        """Return the identity of a record within its account; records with equal identities are duplicates."""
        return getattr(record, self.labels[0]) if self.labels else ()
