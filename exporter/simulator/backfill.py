"""Turns the expositions of a target at many moments into one OpenMetrics file that promtool makes blocks from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

#: OpenMetrics types by the types of the text format. The series of other types cannot be told apart by their names.
_TYPES = {"gauge": "gauge", "counter": "counter", "untyped": "unknown"}
_HELP = "# HELP "
_UP = "up 1 when the scrape succeeded.\n# TYPE up gauge\nup 1\n"


@dataclass(slots=True)
class _Run:
    """Consecutive moments, by number, at which a family had the same samples: value by series."""

    first: int
    last: int
    samples: dict[str, str]


@dataclass(slots=True)
class _Family:
    """A metric family: its text at the latest moment, its samples, and its series in the order of their appearance."""

    name: str
    kind: str
    help: str
    text: str
    runs: list[_Run] = field(default_factory=list)
    series: dict[str, str] = field(default_factory=dict)

    def add(self, moment: int, text: str) -> None:
        """Add the family's text at a moment."""
        if self.runs and self.runs[-1].last == moment - 1 and text == self.text:
            self.runs[-1].last = moment
        else:
            self.text = text
            found = map(_sample, _sample_lines(text))
            # Every run holds the same string for a series: there are many runs, and names with labels are long.
            samples = {self.series.setdefault(series, series): value for series, value in found}
            self.runs.append(_Run(moment, moment, samples))

    def openmetrics(self, times: list[str], labels: str) -> Iterator[str]:
        """Yield the family's head, then each series with all its samples."""
        name = self.name.removesuffix("_total") if self.kind == "counter" else self.name
        yield f"{_HELP}{name} {self.help}\n# TYPE {name} {self.kind}\n"
        for series in self.series:
            named, lines = _with_labels(series, labels), []
            for run in self.runs:
                if (value := run.samples.get(series)) is not None:
                    lines += [f"{named} {value} {time}\n" for time in times[run.first : run.last + 1]]
            yield "".join(lines)


def openmetrics(scrapes: Iterable[tuple[float, str]], labels: Mapping[str, str]) -> Iterator[str]:
    """Yield, piece by piece, what Prometheus would have stored of these scrapes, as OpenMetrics with timestamps.

    The pieces hold each family once, and within it each series once with its samples in the order of time. The series
    `up` is added as Prometheus adds it to a scrape that succeeds.

    Args:
        scrapes: the time, in seconds since the epoch to the millisecond, and the exposition of a target in the
            Prometheus text format, each family with its HELP and TYPE first and samples without timestamps; times must
            increase.
        labels: the labels of the target, such as `job` and `instance`.

    Raises:
        ValueError: times do not increase, or an exposition is not of the form described.

    """
    families: dict[str, _Family] = {}
    times: list[float] = []
    for moment, text in scrapes:
        time = round(moment, 3)
        if times and time <= times[-1]:
            raise ValueError(f"the scrape at {time} is not later than the one before, at {times[-1]}")
        for block in _blocks(text):
            name = block.split(maxsplit=1)[0]
            family = families.get(name) or families.setdefault(name, _family(block))
            family.add(len(times), block)
        times.append(time)
    if times:
        families["up"] = _family(_UP)
        for number in range(len(times)):
            families["up"].add(number, _UP)
    target = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
    written = [f"{time:.3f}".rstrip("0").rstrip(".") for time in times]
    for family in families.values():
        yield from family.openmetrics(written, target)
    yield "# EOF\n"


def _blocks(text: str) -> list[str]:
    """Return the families of an exposition, each from behind the `# HELP ` that it begins with."""
    before, *blocks = f"\n{text}".split(f"\n{_HELP}")
    if before.strip():
        raise ValueError(f"an exposition does not begin with HELP: {before.strip()[:80]!r}")
    return blocks


def _family(block: str) -> _Family:
    head, _, rest = block.partition("\n")
    name, _, text = head.partition(" ")
    kind = rest.removeprefix(f"# TYPE {name} ").partition("\n")[0]
    if kind not in _TYPES:
        raise ValueError(f"the family {name} is neither gauge nor counter nor untyped")
    known = "unknown" if kind == "counter" and not name.endswith("_total") else _TYPES[kind]
    return _Family(name, known, text.replace('"', '\\"'), block)


def _sample_lines(block: str) -> Iterator[str]:
    lines = block.split("\n")[1:]
    return (line for line in lines if line and not line.startswith("#"))


def _sample(line: str) -> tuple[str, str]:
    series, _, value = line.rpartition(" ")
    if not series or (" " in series and not series.endswith("}")):
        raise ValueError(f"a sample is not a series and a value: {line[:80]!r}")
    return series, value


def _with_labels(series: str, labels: str) -> str:
    if not labels:
        return series
    return f"{series[:-1]},{labels}}}" if series.endswith("}") else f"{series}{{{labels}}}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
