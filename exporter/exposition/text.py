"""Tables and objects to exposition text.

The text of a campaign family is valid both as Prometheus text 0.0.4 and as OpenMetrics 1.0, so it is made once. Only
counters differ between the two, in their TYPE line. prometheus_client is the judge: tests hold this text to its parser.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal, Protocol

from exporter.accounts.status import AccountStatus
from exporter.collectors.metrics import (
    ACCOUNT_METRICS,
    CAMPAIGN_METRICS,
    PROBE_METRICS,
    SCRAPE_METRICS,
    AccountMetric,
    CampaignMetric,
    LabelledCampaignMetric,
    Number,
    ScrapeMetric,
)
from exporter.mimecast import Campaign

Format = Literal["text", "openmetrics"]

#: The content type of each format.
CONTENT_TYPES: Mapping[Format, str] = {
    "text": "text/plain; version=0.0.4; charset=utf-8",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
}
#: Campaigns rendered before others get their turn on the event loop.
_TURN = 250
#: Campaigns whose samples of one family are one piece of text; it is sent as it is, and so no larger than a slice.
_PIECE = 4 * _TURN

#: Family name to the samples' text of one account in pieces, empty families left out.
FamilyTexts = Mapping[str, Sequence[bytes]]


class LibrarySample(Protocol):
    """What is read of `prometheus_client.Sample`."""

    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def value(self) -> float: ...


class Family(Protocol):
    """What is read of `prometheus_client.Metric`; a counter's name is without its `_total`."""

    name: str
    documentation: str
    type: str

    @property
    def samples(self) -> Sequence[LibrarySample]: ...


def escape_label(value: str) -> str:
    """A label value as it stands between the quotes."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def format_number(value: Number) -> str:
    """A sample's value: whole numbers without a point."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(int(value))


async def render_campaigns(account: str, campaigns: Sequence[Campaign]) -> FamilyTexts:
    """The samples of one account's campaigns, family by family, without HELP and TYPE."""
    texts: dict[str, list[bytes]] = {}
    for begin in range(0, len(campaigns), _PIECE):
        for name, text in (await _render_piece(account, campaigns[begin : begin + _PIECE])).items():
            if text:
                texts.setdefault(name, []).append(text.encode("latin-1"))
    return texts


async def _render_piece(account: str, campaigns: Sequence[Campaign]) -> dict[str, str]:
    texts = {metric.name: "" for metric in CAMPAIGN_METRICS}
    for begin in range(0, len(campaigns), _TURN):
        labelled = [(campaign, _campaign_labels(account, campaign)) for campaign in campaigns[begin : begin + _TURN]]
        for metric in CAMPAIGN_METRICS:
            texts[metric.name] += _render_family(metric, labelled)
        await asyncio.sleep(0)
    return texts


def _campaign_labels(account: str, campaign: Campaign) -> str:
    """The labels, a character for each byte of their UTF-8: one emoji would make all text four times as large."""
    title = escape_label(campaign.title)
    labels = f'{_account_label(account)},campaign_id="{campaign.campaign_id}",title="{title}"'
    return labels if labels.isascii() else labels.encode().decode("latin-1")


def _render_family(metric: CampaignMetric | LabelledCampaignMetric, campaigns: Sequence[tuple[Campaign, str]]) -> str:
    # A list is joined faster than a generator, and Python writes whole numbers, which most are, as they are to be.
    name = metric.name
    if isinstance(metric, CampaignMetric):
        return "".join(
            [
                f"{name}{{{labels}}} {value if type(value) is int else format_number(value)}\n"
                for campaign, labels in campaigns
                if (value := metric.read(campaign)) is not None
            ]
        )
    own = _own_labels(metric.labels)
    return "".join(
        [
            f"{name}{{{labels},{own[values]}}} {value if type(value) is int else format_number(value)}\n"
            for campaign, labels in campaigns
            for values, value in metric.read(campaign)
        ]
    )


@lru_cache(maxsize=16_384)
def _account_label(account: str) -> str:
    return f'account="{escape_label(account)}"'


class _OwnLabels(dict[tuple[str, ...], str]):
    """The text of a metric's own labels by their values, which are few: numbers, reasons, statuses."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, values: tuple[str, ...]) -> str:
        pairs = zip(self._names, values, strict=True)
        text = self[values] = ",".join([f'{name}="{escape_label(value)}"' for name, value in pairs])
        return text


@lru_cache(maxsize=256)
def _own_labels(names: tuple[str, ...]) -> _OwnLabels:
    return _OwnLabels(names)


def merge_campaigns(accounts: Iterable[FamilyTexts]) -> list[bytes]:
    """The campaigns of several accounts as one text: each family once, its HELP and TYPE first. Copies no samples."""
    return _merge(((metric.name, _head(metric.name, "gauge", metric.help)) for metric in CAMPAIGN_METRICS), accounts)


def render_account(status: AccountStatus) -> FamilyTexts:
    """The samples of one account's metrics that are kept, family by family, without HELP and TYPE.

    They are valid in either format.
    """
    rendered = {metric.name: _account_samples(metric, status) for metric in ACCOUNT_METRICS}
    return {name: [text.encode()] for name, text in rendered.items() if text}


def merge_accounts(accounts: Iterable[FamilyTexts], form: Format) -> list[bytes]:
    """What `render_account` gave of several accounts as one text, in one of the formats."""
    heads = ((metric.name, _head(metric.name, metric.kind, metric.help, form)) for metric in ACCOUNT_METRICS)
    return _merge(heads, accounts)


def _merge(heads: Iterable[tuple[str, bytes]], accounts: Iterable[FamilyTexts]) -> list[bytes]:
    gathered = list(accounts)
    parts: list[bytes] = []
    for name, head in heads:
        samples = [piece for texts in gathered for piece in texts.get(name, ())]
        if samples:
            parts.append(head)
            parts.extend(samples)
    return parts


def render_scrapes(statuses: Sequence[AccountStatus], form: Format) -> bytes:
    """The metrics of the accounts given that move with every scrape, in one of the formats."""
    labelled = [(status, _account_label(status.account)) for status in statuses]
    return b"".join(_render_scrape_family(metric, labelled, form) for metric in SCRAPE_METRICS) if statuses else b""


def _render_scrape_family(metric: ScrapeMetric, statuses: Sequence[tuple[AccountStatus, str]], form: Format) -> bytes:
    name, read = metric.name, metric.read
    samples = "".join([f"{name}{{{account}}} {read(status)}\n" for status, account in statuses])
    return _head(name, "counter", metric.help, form) + samples.encode()


def _account_samples(metric: AccountMetric, status: AccountStatus) -> str:
    account, own = _account_label(status.account), _own_labels(metric.labels)
    return "".join(
        [
            _line(metric.name, f"{account},{own[values]}" if values else account, value)
            for values, value in metric.read(status)
        ]
    )


def render_families(families: Iterable[Family], form: Format) -> bytes:
    """Gauges and counters as prometheus_client collects them, in one of the formats."""
    return b"".join(
        _head(family.name + "_total" * (family.type == "counter"), family.type, family.documentation, form)
        + "".join([_line(sample.name, _labels(sample.labels), sample.value) for sample in family.samples]).encode()
        for family in families
    )


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join([f'{name}="{escape_label(value)}"' for name, value in labels.items()])


def _line(name: str, labels: str, value: Number) -> str:
    return f"{name}{{{labels}}} {format_number(value)}\n" if labels else f"{name} {format_number(value)}\n"


def render_probe(status: AccountStatus, duration: float, form: Format) -> bytes:
    """What every prober tells of a probe; `duration` in seconds."""
    values: Mapping[str, Number] = {"probe_success": status.up, "probe_duration_seconds": duration}
    families = [
        _head(name, "gauge", text, form) + f"{name} {format_number(values[name])}\n".encode()
        for name, text in PROBE_METRICS.items()
    ]
    return b"".join(families)


def _head(name: str, kind: str, text: str, form: Format = "text") -> bytes:
    """HELP and TYPE; in OpenMetrics a counter's family is named without its `_total`."""
    family = name.removesuffix("_total") if form == "openmetrics" and kind == "counter" else name
    return f"# HELP {family} {text}\n# TYPE {family} {kind}\n".encode()


def choose_format(accept: str) -> Format:
    """The format for an `Accept` header: OpenMetrics where it is asked for in a version that is served."""
    for offered in accept.split(","):
        media_type, *parameters = (part.strip().lower() for part in offered.split(";"))
        given = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
        version = given.get("version", "1.0.0").strip('"')
        if media_type == "application/openmetrics-text" and version in ("1.0.0", "0.0.1") and _wanted(given.get("q")):
            return "openmetrics"
    return "text"


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an `Accept-Encoding` header allows gzip."""
    for offered in accept_encoding.split(","):
        coding, *parameters = (part.strip().lower() for part in offered.split(";"))
        if coding == "gzip":
            given = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
            return _wanted(given.get("q"))
    return False


def _wanted(quality: str | None) -> bool:
    try:
        return quality is None or float(quality) > 0
    except ValueError:
        return True
