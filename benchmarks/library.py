"""The same campaigns through plain libraries: prometheus_client's families, and its own server of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from exporter.collectors.metrics import CAMPAIGN_LABELS, CAMPAIGN_METRICS, CampaignMetric
from exporter.mimecast.campaign import decode_campaign
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric

from exporter.mimecast import Campaign
from exporter.mimecast.envelope import open_envelope


class Families:
    """Campaigns as prometheus_client's families, made anew at each scrape, as its exporters do."""

    def __init__(self, campaigns: Sequence[Campaign]) -> None:
        self._campaigns = campaigns

    def collect(self) -> Iterable[Metric]:
        """Every family of the table."""
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


def registry_of(campaigns: Sequence[Campaign]) -> CollectorRegistry:
    """A registry of these campaigns."""
    registry = CollectorRegistry()
    registry.register(Families(campaigns))
    return registry


def campaigns_in(answer: bytes) -> tuple[Campaign, ...]:
    """The campaigns of an answer of get-queue."""
    return tuple(one for item in open_envelope(answer).data or [] if (one := decode_campaign(item)))


def main() -> None:
    """Serve the campaigns of an answer: `python -m benchmarks.library PORT FILE`."""
    port, file = sys.argv[1:]
    start_http_server(int(port), "127.0.0.1", registry_of(campaigns_in(Path(file).read_bytes())))
    threading.Event().wait()


if __name__ == "__main__":
    main()
