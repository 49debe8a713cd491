"""docs/metrics.md, written from the tables. `make docs` runs this module; a test holds the file to it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from exporter.accounts.status import SKIP_REASONS
from exporter.collectors.metrics import (
    ACCOUNT_METRICS,
    CAMPAIGN_LABELS,
    CAMPAIGN_METRICS,
    LEFT_OUT,
    PROBE_METRICS,
    SCRAPE_METRICS,
    CampaignMetric,
)
from exporter.exposition.process import Telemetry
from exporter.mimecast import REASONS

_INTRODUCTION = """\
# Metrics

This page is generated from the exporter's tables (`make docs`).

No sample carries a timestamp of its own. What the API left out, or what cannot be understood, has no sample: never a
zero that nobody counted.
"""

_CAMPAIGNS = """\
## Campaigns

Gauges with the labels `account`, `campaign_id` and `title`, and those named in the table. `campaign_id` is the first
12 hex digits of the SHA-256 of Mimecast's secure id (`mimecast-exporter campaigns` prints both); two campaigns may have
the same title. Titles are trimmed and cut at 200 characters.
"""

_CORRECT = """\
### Correct answers

Mimecast's documentation says that `title.correctAnswers.forQuestionN` counts the users that answered question N
correctly. Recordings of a sibling endpoint show it holding the number of the correct option. The account's setting
`correct_answers` chooses:

- `count` (default, as documented): the value is exported as it is.
- `option`: the value is the answer key. It becomes `correct_option` on the info metric, and
  `mimecast_awareness_campaign_correct_answers{question="1"}` is read from `optionSpread` at that option.

A custom answer's `answerNumber`, else the older `title.correctAnswer`, gives `correct_option` under either setting. A
campaign's own `numCorrectAnswers.forQuestionN` is always a count and wins.

`mimecast_awareness_campaign_implausible` is 1 when a documented count cannot be one: when it is above `numCompleted`;
when it differs from `numCorrectAnswers` or, where there is one question, from `numCorrect`; or when, with one question
and at least 10 completions, it equals none of the options' counts. Under `option` it is 1 when the value names no
option. One warning a refresh names the setting; the shipped alerts about wrong answers leave such campaigns out.
"""

_ACCOUNTS = """\
## Accounts

With the label `account`, and those named in the table. Counters and `mimecast_up` exist from the first scrape on; the
other gauges are absent until they are known.
"""

_REASONS = {
    "auth": "401, 418, `err_xdk_*`, `err_developer_key`, `token_expired`; 400 of the token endpoint",
    "permission": "403, `app_forbidden`: the role or the API application lacks Awareness Training",
    "rate_limited": "429",
    "server_error": "5xx",
    "api_error": "any other answer that says it failed, a `fail` on HTTP 200 included",
    "invalid_response": "a redirect, not JSON, not this API's envelope, cut short, or the same page named twice",
    "too_large": "more bytes than `api.max_response_size`, or too many pages",
    "timeout": "no whole answer within `api.timeout`",
    "connect": "no connection, or it ended before an answer began",
    "tls": "the certificate is not trusted, or no common TLS settings",
    "secret": "a secret's file can no longer be read, or holds nothing usable",
}
_SKIPPED = {
    "invalid": "no object, or without id or title",
    "duplicate": "an id that came before; the first one wins",
    "filtered": "its title is not wanted by `campaigns.include` and `campaigns.exclude`",
    "too_old": "launched longer ago than `campaigns.max_age`; pending campaigns and those without a date stay",
    "limit": "beyond `campaigns.limit`; those launched longest ago go first",
}


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join(
        [
            _INTRODUCTION,
            _CAMPAIGNS,
            *_table(("metric", "labels of its own", "from", "meaning"), _campaign_rows()),
            "",
            _CORRECT,
            "### Left out",
            "",
            *_table(("field", "why"), ((f"`{name}`", why) for name, why in LEFT_OUT.items())),
            "",
            _ACCOUNTS,
            *_table(("metric", "type", "labels of its own", "meaning"), _account_rows()),
            "",
            "Reasons of a failed refresh (a code in the answer wins over its HTTP status):",
            "",
            *_table(("reason", "when"), ((f"`{reason}`", _REASONS[reason]) for reason in REASONS)),
            "",
            "Reasons of a campaign without series:",
            "",
            *_table(("reason", "when"), ((f"`{reason}`", _SKIPPED[reason]) for reason in SKIP_REASONS)),
            "",
            "## Probes",
            "",
            "`/probe?target=ACCOUNT` serves the account's campaigns and account metrics, and:",
            "",
            *_table(
                ("metric", "type", "meaning"), ((f"`{name}`", "gauge", text) for name, text in PROBE_METRICS.items())
            ),
            "",
            "## The exporter itself",
            "",
            *_table(("metric", "type", "meaning"), _process_rows()),
            "",
        ]
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _campaign_rows() -> Iterator[Sequence[str]]:
    for metric in CAMPAIGN_METRICS:
        own = "" if isinstance(metric, CampaignMetric) else _labels(metric.labels)
        yield f"`{metric.name}`", own, f"`{metric.source}`", metric.help


def _account_rows() -> Iterator[Sequence[str]]:
    for metric in ACCOUNT_METRICS:
        yield f"`{metric.name}`", metric.kind, _labels(metric.labels), metric.help
    for moving in SCRAPE_METRICS:
        yield f"`{moving.name}`", "counter", "", moving.help


def _process_rows() -> Iterator[Sequence[str]]:
    families = Telemetry("").collect()
    for family in sorted(families, key=lambda family: (not family.name.startswith("mimecast"), family.name)):
        suffix = "_total" if family.type == "counter" else ""
        yield f"`{family.name}{suffix}`", family.type, family.documentation


def _labels(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names if name not in CAMPAIGN_LABELS)


if __name__ == "__main__":
    sys.stdout.write(page())
