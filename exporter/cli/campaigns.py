"""`campaigns`: print the current campaigns of accounts as a table, JSON or metrics."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from exporter.cli.fetching import Outcome, fetch_all
from exporter.cli.loading import load
from exporter.cli.logs import set_up_logging
from exporter.collectors.campaigns import CAMPAIGNS, Campaign
from exporter.config import Account, Config
from exporter.exposition.text import format_labels, merge, render_records

_COLUMNS = ("account", "campaign_id", "launched", "sent", "completed", "correct", "title", "secure_id")
_ALIGNMENTS = "<<<>><<<"

Rows = Sequence[tuple[str, Campaign]]


def run(options: argparse.Namespace) -> int:
    """Print the campaigns; return 1 if an account fails."""
    set_up_logging(options.log_level, options.log_format)
    config = load(options.config_file)
    if config is None:
        return 1
    accounts = _chosen(config, options.account, everything=options.all_accounts)
    if accounts is None:
        return 1
    outcomes = fetch_all(config, accounts, [CAMPAIGNS.name])
    if outcomes is None:
        return 1
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    for outcome in failed:
        sys.stderr.write(f"mimecast-exporter: {outcome.account.name}: {outcome.error}\n")
    if len(failed) < len(outcomes):
        _print(outcomes, options)
    return int(bool(failed))


def _print(outcomes: Sequence[Outcome], options: argparse.Namespace) -> None:
    rows = [(outcome.account.name, campaign) for outcome in outcomes for campaign in outcome.records]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not be able to show every title
    if options.output == "table":
        sys.stdout.write(_table(rows, secure_ids=options.secure_ids))
    elif options.output == "json":
        # Escaped, as standard output may have any encoding.
        sys.stdout.write(json.dumps([_fields(*row) for row in rows], indent=2) + "\n")
    else:
        sys.stdout.buffer.write(asyncio.run(_metrics(outcomes)))


def _chosen(config: Config, name: str | None, *, everything: bool) -> Sequence[Account] | None:
    """Return the selected accounts, or None after printing an error."""
    if everything or (name is None and len(config.accounts) == 1):
        return config.accounts
    chosen = [account for account in config.accounts if account.name == name]
    if not chosen:
        names = [account.name for account in config.accounts]
        known = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
        problem = f"no account is named {name!r}; the configured accounts are {known}"
        if name is None:
            problem = f"several accounts are configured: choose one with --account, or --all-accounts; they are {known}"
        sys.stderr.write(f"mimecast-exporter: {problem}\n")
    return chosen or None


def _table(rows: Rows, *, secure_ids: bool) -> str:
    columns = _COLUMNS if secure_ids else _COLUMNS[:-1]
    lines = [columns, *(_cells(*row)[: len(columns)] for row in rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    formats = [f"{alignment}{width}" for alignment, width in zip(_ALIGNMENTS, widths, strict=False)]
    return "".join("  ".join(map(format, line, formats)).rstrip() + "\n" for line in lines)


def _cells(account: str, campaign: Campaign) -> tuple[str, ...]:
    title = "".join(character if character.isprintable() else " " for character in campaign.title)
    numbers = ("-" if number is None else str(number) for number in (campaign.emails_sent, campaign.users_completed))
    return account, campaign.campaign_id, _launched(campaign), *numbers, _correct(campaign), title, campaign.secure_id


def _correct(campaign: Campaign) -> str:
    """Return the users that answered correctly, by question if there are several: `80`, `80/75/61`."""
    by_question = campaign.answers.by_question
    if not by_question:
        return "-" if campaign.users_correct is None else str(campaign.users_correct)
    return "/".join(str(by_question.get(question, "-")) for question in range(1, max(by_question) + 1))


def _launched(campaign: Campaign) -> str:
    if campaign.launch_time is None:
        return "-"
    return f"{datetime.fromtimestamp(campaign.launch_time, UTC):%Y-%m-%d %H:%M}"


def _fields(account: str, campaign: Campaign) -> dict[str, Any]:
    launched = None if campaign.launch_time is None else datetime.fromtimestamp(campaign.launch_time, UTC).isoformat()
    return {
        "account": account,
        "campaign_id": campaign.campaign_id,
        "secure_id": campaign.secure_id,
        "title": campaign.title,
        "launch_date": launched,
        "emails_sent": campaign.emails_sent,
        "users_completed": campaign.users_completed,
        "users_correct": campaign.users_correct,
        "correct_answers": campaign.answers.by_question,
        "answers": campaign.option_counts,
        "correct_option": campaign.answers.correct_option,
        "implausible": campaign.answers.implausible,
        "locked": campaign.locked,
        "assign_to_new_users": campaign.assign_to_new_users,
        "email_customized": campaign.email_customized,
        "custom_module": campaign.custom_module,
        "custom_content": campaign.custom_content,
    }


async def _metrics(outcomes: Sequence[Outcome]) -> bytes:
    texts = []
    for outcome in outcomes:
        account = format_labels(("account",), (outcome.account.name,))
        texts.append(await render_records(CAMPAIGNS.families, outcome.records, account, CAMPAIGNS.labels))
    return b"".join(merge(CAMPAIGNS.families, texts))
