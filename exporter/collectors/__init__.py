"""The table of collectors. To add a collector, write its module and add its entry here."""

from __future__ import annotations

from typing import Any

from exporter.collectors.base import Collector, Family
from exporter.collectors.campaigns import CAMPAIGNS
from exporter.collectors.performance import PERFORMANCE
from exporter.collectors.phishing import PHISHING
from exporter.collectors.safe_score import SAFE_SCORE

__all__ = ["COLLECTORS", "Collector", "Family"]

#: Every collector by its name, in the order of the exposition.
COLLECTORS: dict[str, Collector[Any]] = {
    collector.name: collector for collector in (CAMPAIGNS, PHISHING, SAFE_SCORE, PERFORMANCE)
}
