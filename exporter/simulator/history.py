"""The history of a simulator's accounts, and its expositions as OpenMetrics with timestamps for promtool."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import NamedTuple

from .api import Simulator
from .items import DAY, PATHS, Endpoint, Item

#: A family of an exposition: name, help, type and samples.
_FAMILY = re.compile(r"# HELP (\S+) (.*)\n# TYPE \1 (gauge|counter|untyped)\n((?:[^#\n].*\n)*)")
_SAMPLE = re.compile(r"^([\w:]+(?:\{.*\})?) (\S+)\n", re.MULTILINE)
#: The series that Prometheus adds to a successful scrape.
_UP = "# HELP up 1 when the scrape succeeded.\n# TYPE up gauge\nup 1\n"


class PastAnswer(NamedTuple):
    """The answer of an endpoint to an account at a time in seconds since the epoch."""

    moment: float
    account: str
    endpoint: Endpoint
    items: Sequence[Item]


def history(simulator: Simulator, days: float, step: float) -> Iterator[PastAnswer]:
    """Yield every endpoint's answers to every account, `step` seconds apart, up to the simulator's present.

    `days` and `step` must be positive.
    """
    if not (days > 0 and step > 0):
        raise ValueError("the history's length and step must be positive")
    present = simulator.campaign_time
    first, last = math.ceil((present - days * DAY) / step), math.floor(present / step)
    return (
        PastAnswer(number * step, account.name, endpoint, simulator.items(account.name, endpoint, number * step))
        for number in range(first, last + 1)
        for account in simulator.accounts
        for endpoint in PATHS
    )


@dataclass
class _Family:
    """A metric family, with the values and the times of each series."""

    name: str
    kind: str
    help: str
    series: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)

    def add(self, time: str, samples: str) -> None:
        """Add the samples of a scrape."""
        found = _SAMPLE.findall(samples)
        if len(found) != samples.count("\n"):
            raise ValueError(f"a sample of {self.name} is not a series and a value")
        for series, value in found:
            values, times = self.series.setdefault(series, ([], []))
            values.append(intern(value))  # the same few numbers, many times
            times.append(time)

    def openmetrics(self, labels: str) -> Iterator[str]:
        """Yield HELP and TYPE, then each series with all its samples."""
        name = self.name.removesuffix("_total") if self.kind == "counter" else self.name
        kind = "unknown" if self.kind == "untyped" else self.kind
        text = self.help.replace('"', '\\"')
        yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
        for series, samples in self.series.items():
            own = series.removesuffix("}") + ("," if series.endswith("}") else "{")
            yield "".join([f"{own}{labels}}} {value} {time}\n" for value, time in zip(*samples, strict=True)])


def openmetrics(scrapes: Iterable[tuple[float, str]], labels: Mapping[str, str]) -> Iterator[str]:
    """Yield the parts of an OpenMetrics text with the samples of all scrapes, and the series `up`, with timestamps.

    `scrapes` has the increasing times, in seconds since the epoch, and the expositions of a target in the Prometheus
    text format, with HELP and TYPE and without timestamps; `labels` are those of the target, such as `job`. Raise
    ValueError for other scrapes.
    """
    families: dict[str, _Family] = {}
    latest = -math.inf
    for moment, text in scrapes:
        if round(moment, 3) <= latest:
            raise ValueError(f"the scrape at {moment} is not later than the one before, at {latest}")
        latest = round(moment, 3)
        for name, help_text, kind, samples in _families(text + _UP):
            family = families.setdefault(name, _Family(name, kind, help_text))
            family.add(f"{latest:.3f}".rstrip("0").rstrip("."), samples)
    escaped = [
        (name, value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')) for name, value in labels.items()
    ]
    target = ",".join(f'{name}="{value}"' for name, value in escaped)
    for family in families.values():
        yield from family.openmetrics(target)
    yield "# EOF\n"


def _families(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, help, type and samples of each family of an exposition."""
    position = 0
    while position < len(text):
        family = _FAMILY.match(text, position)
        if family is None:
            raise ValueError(
                f"not a gauge, a counter or an untyped metric with HELP: {text[position : position + 80]!r}"
            )
        yield family[1], family[2], family[3], family[4]
        position = family.end()
