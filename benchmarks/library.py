"""The same campaigns through plain libraries: prometheus_client's families, and its own server of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric

from exporter.collectors.campaigns import CAMPAIGNS, Campaign, decode
from exporter.config import Account
from exporter.mimecast.envelope import open_envelope

ACCOUNT = Account(name="acme")


class Families:
    """Campaigns as prometheus_client's families, made anew at each scrape, as its exporters do."""

    def __init__(self, campaigns: Sequence[Campaign]) -> None:
        self._campaigns = campaigns

    def collect(self) -> Iterable[Metric]:
        """Yield every family of the table."""
        for ours in CAMPAIGNS.families:
            family = GaugeMetricFamily(ours.name, ours.help, labels=["account", *CAMPAIGNS.labels, *ours.labels])
            for one in self._campaigns:
                for values, number in ours.samples(one):
                    family.add_metric(("acme", one.campaign_id, one.title, *values), number)
            yield family


def registry_of(campaigns: Sequence[Campaign]) -> CollectorRegistry:
    """Return a registry of these campaigns."""
    registry = CollectorRegistry()
    registry.register(Families(campaigns))
    return registry


def campaigns_in(answer: bytes) -> tuple[Campaign, ...]:
    """Return the campaigns of an answer of get-queue."""
    return tuple(one for item in open_envelope(answer).data or [] if (one := decode(item, ACCOUNT)))


def main() -> None:
    """Serve the campaigns of an answer: `python -m benchmarks.library PORT FILE`."""
    port, file = sys.argv[1:]
    start_http_server(int(port), "127.0.0.1", registry_of(campaigns_in(Path(file).read_bytes())))
    threading.Event().wait()


if __name__ == "__main__":
    main()
