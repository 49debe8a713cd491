"""What a collector is: an API endpoint, how its items are decoded, and the metric families read off the records."""

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
        name: as in `collectors:`, in `collect[]` and in the label `collector`.
        help: one sentence on what it exports, for docs/metrics.md.
        endpoint: what is called, and the permission that takes.
        decode: one raw item of the answer to a record; None for an item that cannot be understood. The account says
            how its items are to be read.
        families: what is exported of each record.
        labels: attributes of a record that become labels, after `account`. The first one identifies the record. Without
            labels the account has one record.
        counted_as: the family that counts the records, where these are campaigns: they have `title` and `launch_time`,
            the account's `campaigns:` filter applies to them, and `<counted_as>_skipped` counts those left out.
        notice: what an operator should know of the records, such as a setting that does not fit; empty for nothing.
        enabled_by_default: whether an account has it where the configuration says nothing.

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
        """Return what tells the record from others of the account; two records with one identity are duplicates."""
        return getattr(record, self.labels[0]) if self.labels else ()
