"""`check`: is the configuration valid, and with `--online`, does each account answer?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from exporter.cli.asking import Answer, ask_now
from exporter.cli.loading import load
from exporter.cli.logs import set_up_logging
from exporter.mimecast import MimecastError


def run(options: argparse.Namespace) -> int:
    """Print a line an account; 1 where the configuration is not valid or an account does not answer."""
    set_up_logging(options.log_level, options.log_format)
    config = load(options.config_file)
    if config is None:
        return 1
    problems = config.problems()
    for problem in problems:
        sys.stderr.write(f"mimecast-exporter: {problem}\n")
    if problems:
        return 1
    print(f"{config.source}: valid, {len(config.accounts)} account{'s' * (len(config.accounts) != 1)}")  # noqa: T201 - it is what the command is for
    if not options.online:
        return 0
    answers = ask_now(config, config.accounts)
    if isinstance(answers, str):
        sys.stderr.write(f"mimecast-exporter: {answers}\n")
        return 1
    for answer in answers:
        print("\n".join(_lines(answer)))  # noqa: T201 - it is what the command is for
    return int(any(isinstance(answer.outcome, MimecastError) for answer in answers))


def _lines(answer: Answer) -> Iterator[str]:
    outcome = answer.outcome
    if isinstance(outcome, MimecastError):
        yield f"{answer.account.name}: FAILED ({outcome.reason}): {outcome}"
        return
    skipped = outcome.invalid + outcome.duplicate
    note = f", {skipped} not understood or duplicate" if skipped else ""
    took = answer.traffic.last_duration or 0.0
    yield f"{answer.account.name}: ok, {len(outcome.campaigns)} campaigns{note}, {outcome.size} bytes in {took:.2f} s"
    implausible = sum(campaign.answers.implausible for campaign in outcome.campaigns)
    if implausible:
        other = "option" if answer.account.correct_answers == "count" else "count"
        yield (
            f"{answer.account.name}: note: title.correctAnswers of {implausible} campaigns cannot be what "
            f"correct_answers: {answer.account.correct_answers} says; try correct_answers: {other}"
        )
