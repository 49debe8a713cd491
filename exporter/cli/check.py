"""`check`: validate the configuration and the web configuration, and with `--online` call each account's collectors."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from exporter.cli.fetching import Outcome, fetch_all
from exporter.cli.loading import load
from exporter.cli.logs import set_up_logging
from exporter.cli.serve import load_web
from exporter.config import Config


def run(options: argparse.Namespace) -> int:
    """Print a line per file and collector; return 1 if a file is invalid or a collector fails."""
    set_up_logging(options.log_level, options.log_format)
    config = load(options.config_file)
    web = load_web(options.web_config_file)
    if config is None:
        return 1
    problems = config.problems()
    for problem in problems:
        sys.stderr.write(f"mimecast-exporter: {problem}\n")
    if problems:
        return 1
    sys.stdout.write(f"{config.source}: valid, {len(config.accounts)} account{'s' * (len(config.accounts) != 1)}\n")
    if web is None:
        return 1
    if options.web_config_file is not None:
        sys.stdout.write(f"{options.web_config_file}: valid\n")
    return _check_online(config) if options.online else 0


def _check_online(config: Config) -> int:
    outcomes = fetch_all(config, config.accounts)
    if outcomes is None:
        return 1
    for outcome in outcomes:
        sys.stdout.write("".join(f"{outcome.account.name}: {line}\n" for line in _lines(outcome)))
    return int(any(outcome.error is not None for outcome in outcomes))


def _lines(outcome: Outcome) -> Iterator[str]:
    name, error = outcome.collector.name, outcome.error
    if error is not None:
        yield f"{name}: FAILED ({error.reason}): {error}"
        return
    skipped = outcome.skipped.total()
    note = f", {skipped} not exported" if skipped else ""
    yield f"{name}: ok, {_found(outcome)}{note}, {outcome.size} bytes in {outcome.duration:.2f} s"
    notice = outcome.collector.notice(outcome.records, outcome.account)
    if notice:
        yield f"{name}: note: {notice}"


def _found(outcome: Outcome) -> str:
    if outcome.collector.counted_as:
        return f"{len(outcome.records)} campaigns"
    return "data" if outcome.records else "no data"
