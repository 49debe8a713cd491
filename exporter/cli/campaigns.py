"""`campaigns`: what an account returns now, as a table, as JSON or as metrics."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from exporter.cli.asking import Answer, ask_now
from exporter.cli.loading import load
from exporter.cli.logs import set_up_logging
from exporter.collectors.selection import select
from exporter.config import Account, Config
from exporter.exposition.text import merge_campaigns, render_campaigns
from exporter.mimecast import Campaign, MimecastError

_COLUMNS = ("account", "campaign_id", "launched", "sent", "completed", "correct", "title", "secure_id")
_RIGHT = frozenset({"sent", "completed", "correct"})


def run(options: argparse.Namespace) -> int:
    """Print the campaigns; 1 where an account cannot be asked."""
    set_up_logging(options.log_level, options.log_format)
    config = load(options.config_file)
    if config is None:
        return 1
    accounts = _chosen(config, options.account, everything=options.all_accounts)
    answers = accounts if isinstance(accounts, str) else ask_now(config, accounts)
    if isinstance(answers, str):
        sys.stderr.write(f"mimecast-exporter: {answers}\n")
        return 1
    found = _campaigns(answers)
    {"table": _print_table, "json": _print_json, "metrics": _print_metrics}[options.output](found)
    return int(any(isinstance(answer.outcome, MimecastError) for answer in answers))


def _chosen(config: Config, name: str | None, *, everything: bool) -> Sequence[Account] | str:
    """The accounts to ask, or why that is not clear."""
    if everything:
        return config.accounts
    if name is not None:
        chosen = [account for account in config.accounts if account.name == name]
        return chosen or f"no account is named {name!r}; there are {_names(config)}"
    if len(config.accounts) == 1:
        return config.accounts
    return f"there are several accounts: choose one with --account, or --all-accounts; there are {_names(config)}"


def _names(config: Config) -> str:
    names = [account.name for account in config.accounts]
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _campaigns(answers: Sequence[Answer]) -> dict[str, tuple[Campaign, ...]]:
    """The campaigns that get series, by account; failures go to standard error."""
    found: dict[str, tuple[Campaign, ...]] = {}
    for answer in answers:
        if isinstance(answer.outcome, MimecastError):
            sys.stderr.write(f"mimecast-exporter: {answer.account.name}: {answer.outcome}\n")
        else:
            selection = select(answer.outcome.campaigns, answer.account.campaigns, time.time())
            found[answer.account.name] = selection.campaigns
    return found


def _print_table(found: dict[str, tuple[Campaign, ...]]) -> None:
    rows = [_COLUMNS, *(_row(account, campaign) for account, campaigns in found.items() for campaign in campaigns)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        cells = (
            cell.rjust(width) if name in _RIGHT else cell.ljust(width)
            for name, cell, width in zip(_COLUMNS, row, widths, strict=True)
        )
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _row(account: str, campaign: Campaign) -> tuple[str, ...]:
    correct = campaign.users_correct if campaign.users_correct is not None else campaign.answers.by_question.get(1)
    counts = (campaign.emails_sent, campaign.users_completed, correct)
    title = "".join(character if character.isprintable() else " " for character in campaign.title)
    numbers = ("-" if number is None else str(number) for number in counts)
    return account, campaign.campaign_id, _launched(campaign), *numbers, title, campaign.secure_id


def _launched(campaign: Campaign) -> str:
    if campaign.launch_time is None:
        return "-"
    return datetime.fromtimestamp(campaign.launch_time, UTC).strftime("%Y-%m-%d %H:%M")


def _print_json(found: dict[str, tuple[Campaign, ...]]) -> None:
    listed = [_fields(account, campaign) for account, campaigns in found.items() for campaign in campaigns]
    sys.stdout.write(json.dumps(listed, ensure_ascii=False, indent=2) + "\n")


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


def _print_metrics(found: dict[str, tuple[Campaign, ...]]) -> None:
    async def rendered() -> list[bytes]:
        return merge_campaigns([await render_campaigns(name, campaigns) for name, campaigns in found.items()])

    sys.stdout.buffer.write(b"".join(asyncio.run(rendered())))
