"""Write docs/metrics.md from the exporter's tables. `make docs` runs this module; a test holds the file to it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from exporter.accounts.status import ACCOUNT_FAMILIES, COLLECTOR_FAMILIES, LOOKUP_FAMILIES, count_families
from exporter.collectors import COLLECTORS, Collector, Family
from exporter.collectors.selection import SKIP_REASONS
from exporter.exposition.process import ProcessMetrics
from exporter.http.handlers.metrics import PROBE_FAMILIES
from exporter.mimecast import REASONS

_INTRODUCTION = """\
# Metrics

This page is generated from the exporter's tables (`make docs`).

Samples have no timestamps. A field that is missing from the API's answer or invalid has no sample, never a zero.

`campaign_id` is the first 12 hex digits of the SHA-256 of Mimecast's secure id (`mimecast-exporter campaigns
--secure-ids` prints both); two campaigns may have the same title. Titles are trimmed and cut at 200 characters.
"""

_CORRECT = """\
#### Correct answers

Mimecast's documentation says that `title.correctAnswers.forQuestionN` counts the users that answered question N
correctly. Recordings of a sibling endpoint show the number of the correct option there. The account's setting
`correct_answers` chooses:

- `count` (default, as documented): the value is exported as it is.
- `option`: the value is the answer key. It becomes `correct_option` on the info metric, and
  `mimecast_awareness_campaign_correct_answers{question="1"}` is read from `optionSpread` at that option.

A custom answer's `answerNumber`, else the older `title.correctAnswer`, gives `correct_option` under either setting. A
campaign's own `numCorrectAnswers.forQuestionN` is always a count and takes precedence.

`mimecast_awareness_campaign_implausible` is 1 when `title.correctAnswers` contradicts the setting. Under `count` this
means that the value exceeds `numCompleted`, differs from `numCorrectAnswers` or, with one question, from `numCorrect`,
or, with one question and at least 10 completions, equals none of the options' counts. Under `option` it means that the
value is not the number of an option. The log has a warning, and the shipped alerts about wrong answers leave such
campaigns out.
"""

_NESTING = """\
`title` is the simulation's name; the settings under `campaigns` apply to simulations as well.

The vendor does not document whether a user that clicked also counts as one that opened, and whether clicks of mail
scanners count. Divide by `sent`; do not stack the counts, and do not subtract one from another.
"""

_GRADES = """\
The vendor does not document whether a grade that nobody has is reported as 0 or left out; one that is left out has no
series.
"""

_ADDING_UP = """\
The vendor does not document whether the users by incorrect answers add up to the participating users.
"""

#: Notes after the table of a collector.
_NOTES: Mapping[str, str] = {
    "campaigns": _CORRECT,
    "phishing": _NESTING,
    "safe_score": _GRADES,
    "performance": _ADDING_UP,
}

#: Fields of the API's answers that are in no metric, by collector, and why.
LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    "campaigns": {
        "emailMsg.subject, emailMsg.body": "content, and may name people",
        "customGifs.*, title.defaultGifs.*": "links to images are content",
        "customAnswer.safetyTip, customAnswer.correctAnswer": "content",
        "title.id": "an opaque id of the title; the campaign has its own",
    },
    "phishing": {
        "sender.name, sender.email": "may name a person",
        "group.*": "its description may name people",
        "templates.*": "content",
        "timeSlotSelected": "a setting of the delivery without a number",
    },
    "performance": {"departmentCompletionStats": "names of departments may name people; its fields are not documented"},
}

_STATUS = """\
## Status

Counters, `mimecast_up` and `mimecast_collector_up` exist from the first scrape on; the other gauges are absent until
they are known. The counters `mimecast_cache_*` count all accounts together. They belong to the exporter's own metrics:
`/probe`, and `collect[]` without `exporter`, do not include them.
"""

_REASONS = {
    "auth": "401, 418, `err_xdk_*`, `err_developer_key`, `token_expired`; 400 of the token endpoint",
    "permission": "403, `app_forbidden`: the role or the API application lacks Awareness Training",
    "rate_limited": "429",
    "server_error": "5xx",
    "api_error": "any other answer that reports a failure, or whose `meta.status` is invalid",
    "invalid_response": "a redirect, not JSON, not this API's envelope, truncated, or a repeated or invalid page token",
    "too_large": "more bytes than `api.max_response_size`, or too many pages",
    "timeout": "no complete answer within `api.timeout`",
    "connect": "no connection, or it ended before the answer began",
    "tls": "the certificate is not trusted, or there are no common TLS settings",
    "secret": "a secret's file can no longer be read, or its content cannot be used",
}
_SKIPPED = {
    "invalid": "not an object, or without id or title",
    "duplicate": "its id appeared before; the first one is kept",
    "filtered": "its title is excluded by `campaigns.include` or `campaigns.exclude`",
    "too_old": "launched longer ago than `campaigns.max_age`; pending campaigns and those without a date stay",
    "limit": "beyond `campaigns.limit`; those launched longest ago are left out first",
}


def page() -> str:
    """Return the whole page as Markdown."""
    status = [
        *((family, ["account"]) for family in ACCOUNT_FAMILIES),
        *((family, ["account", "collector"]) for family in COLLECTOR_FAMILIES),
        *((family, []) for family in LOOKUP_FAMILIES),
    ]
    return "\n".join(
        [
            _INTRODUCTION,
            *(line for collector in COLLECTORS.values() for line in _section(collector)),
            _STATUS,
            *_table(("metric", "type", "labels", "meaning"), map(_status_row, *zip(*status, strict=True))),
            "",
            "Reasons of a failed refresh (a code in the answer takes precedence over its HTTP status):",
            "",
            *_table(("reason", "when"), ((f"`{reason}`", _REASONS[reason]) for reason in REASONS)),
            "",
            "Reasons of a campaign that is not exported:",
            "",
            *_table(("reason", "when"), ((f"`{reason}`", _SKIPPED[reason]) for reason in SKIP_REASONS)),
            "",
            "## Probes",
            "",
            "`/probe?target=ACCOUNT` serves one account's metrics, and:",
            "",
            *_table(("metric", "type", "labels", "meaning"), (_status_row(family, []) for family in PROBE_FAMILIES)),
            "",
            "## The exporter itself",
            "",
            *_table(("metric", "type", "meaning"), _process_rows()),
            "",
        ]
    )


def _section(collector: Collector[Any]) -> Iterator[str]:
    """Yield the lines of a collector's section."""
    state = "on" if collector.enabled_by_default else "off"
    yield from (f"## Collector `{collector.name}`", "", collector.help, "")
    yield f"Endpoint: `{collector.endpoint.path}`; permission: {collector.endpoint.permission}; {state} by default."
    yield ""
    labels = ["account", *collector.labels]
    rows = [
        (f"`{family.name}`", _labels([*labels, *family.labels]), f"`{family.source}`", family.help)
        for family in collector.families
    ]
    if collector.counted_as:
        rows += [
            (f"`{family.name}`", _labels(["account", *family.labels]), "", family.help)
            for family in count_families(collector.counted_as)
        ]
    yield from _table(("metric (gauges)", "labels", "from", "meaning"), rows)
    yield ""
    if note := _NOTES.get(collector.name):
        yield note
    if left_out := LEFT_OUT.get(collector.name):
        yield from ("#### Not exported", "")
        yield from _table(("field", "why"), ((f"`{name}`", why) for name, why in left_out.items()))
        yield ""


def _status_row(family: Family[Any], labels: Sequence[str]) -> Sequence[str]:
    return f"`{family.name}`", family.type, _labels([*labels, *family.labels]), family.help


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _process_rows() -> Iterator[Sequence[str]]:
    metrics = sorted(ProcessMetrics("").collect(), key=lambda one: (not one.name.startswith("mimecast"), one.name))
    for metric in metrics:
        suffix = "_total" if metric.type == "counter" else ""
        yield f"`{metric.name}{suffix}`", metric.type, metric.documentation


def _labels(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.stdout.write(page())
