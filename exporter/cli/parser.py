"""The parser of the command line: flags, and the command that they are for.

A command's module is imported when it runs, so that each command starts quickly.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence

from exporter.about import version_line
from exporter.cli.values import duration, label, path, positive_int, seconds, url

DEFAULT_LISTEN = ":10587"
#: Commands, and what each does.
_COMMANDS = {
    "serve": "run the exporter (the default command)",
    "check": "validate the configuration; with --online, also call the API once for each account",
    "campaigns": "print the campaigns that the API returns now",
    "simulate": "run a simulated Mimecast API alone, or write the past of its accounts",
    "demo": "run the exporter with a simulated Mimecast API; needs no configuration",
    "healthcheck": "ask the running exporter whether it is healthy; made for containers",
}


def run(arguments: Sequence[str]) -> int:
    """Run a command; return 0 for success, 1 for failure, 2 for a misused command line."""
    options = parse(arguments)
    try:
        command: Callable[[argparse.Namespace], int] = importlib.import_module(f"exporter.cli.{options.command}").run
        return command(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options; exit with status 2 and say what is meant where the command line is misused."""
    parser = build_parser()
    first = arguments[0] if arguments else "serve"
    if first not in _COMMANDS and not first.startswith("-"):
        meant = _meant(first, _COMMANDS) or f"the commands are {', '.join(_COMMANDS)}"
        parser.error(f"unknown command {first!r}: {meant}")
    named = arguments and first in (*_COMMANDS, "-h", "--help", "--version")
    given = arguments if named else ["serve", *arguments]
    options, unknown = parser.parse_known_args(given)
    if unknown:
        options.parser.error(_explained(unknown, options.parser))
    return options


def _explained(unknown: Sequence[str], parser: argparse.ArgumentParser) -> str:
    """Return what is wrong with arguments that a command does not take."""
    command = next((argument for argument in unknown if argument in _COMMANDS), None)
    if command is not None:
        return f"give one command, before its flags: mimecast-exporter {command} [FLAGS]"
    flag = unknown[0].partition("=")[0]
    hint = _meant(flag, re.findall(r"--[a-z][a-z.-]+", parser.format_help()))
    return f"unknown argument {flag!r}: {hint or f'see {parser.prog} --help'}"


def _meant(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    parser = argparse.ArgumentParser(
        prog="mimecast-exporter",
        usage="%(prog)s [COMMAND] [FLAGS]",
        description="Prometheus exporter for Mimecast Awareness Training.",
        epilog="Without a command, serve runs. `mimecast-exporter COMMAND --help` lists the flags of a command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version_line())
    commands = parser.add_subparsers(
        dest="command", required=True, title="commands", metavar="COMMAND", prog=parser.prog
    )
    added = {name: _add_command(commands, name, text) for name, text in _COMMANDS.items()}
    for name in ("serve", "check", "campaigns"):
        _add_config_flags(added[name])
    for name in ("serve", "demo"):
        _add_web_flags(added[name])
        _add_serving_flags(added[name])
    _add_web_flags(added["healthcheck"])
    for name in ("simulate", "demo"):
        _add_simulator_flags(added[name])
    for name in ("serve", "demo", "simulate", "check", "campaigns"):
        _add_log_flags(added[name])
    _add_own_flags(added)
    return parser


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    description = f"{text[0].upper()}{text[1:]}."
    parser = commands.add_parser(name, usage="%(prog)s [FLAGS]", help=text, description=description, allow_abbrev=False)
    parser.set_defaults(parser=parser)
    return parser


def _add_own_flags(added: dict[str, argparse.ArgumentParser]) -> None:
    added["serve"].add_argument(
        "--config.watch",
        dest="config_watch",
        type=seconds,
        nargs="?",
        const=30.0,
        metavar="SECONDS",
        help="reload when the configuration or an account file changes; look every SECONDS (default: 30)",
    )
    added["serve"].add_argument(
        "--web.systemd-socket",
        dest="web_systemd_socket",
        action="store_true",
        help="listen on the sockets that systemd passes, instead of --web.listen-address",
    )
    added["serve"].add_argument("--version", action="version", version=version_line())
    _add_web_config_flag(added["check"])
    added["check"].add_argument(
        "--online", action="store_true", help="call the API once for each account and collector"
    )
    campaigns = added["campaigns"]
    campaigns.add_argument("--account", metavar="NAME", help="account to show; required if there are several")
    campaigns.add_argument("--all-accounts", action="store_true", help="show every account")
    campaigns.add_argument("--secure-ids", action="store_true", help="also print Mimecast's own ids (200 characters)")
    campaigns.add_argument(
        "--output", choices=("table", "json", "metrics"), default="table", help="output format (default: table)"
    )
    added["simulate"].add_argument(
        "--listen",
        default="127.0.0.1:10588",
        metavar="ADDRESS",
        help="address to listen on (default: %(default)s)",
    )
    _add_history_flags(added["simulate"])
    added["healthcheck"].add_argument(
        "--timeout", type=seconds, default=3.0, metavar="SECONDS", help="time for the answer (default: %(default)s)"
    )


def _add_history_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--history",
        type=duration,
        metavar="DURATION",
        help="write the accounts' past, such as 90d, as OpenMetrics for `promtool tsdb create-blocks-from openmetrics`"
        " to standard output, and end",
    )
    parser.add_argument(
        "--history-step",
        type=duration,
        default=3600.0,
        metavar="DURATION",
        help="the time between two samples of the history (default: 1h)",
    )
    parser.add_argument(
        "--history-label",
        type=label,
        action="append",
        metavar="NAME=VALUE",
        help="a label of the history's series, repeatable (default: job=mimecast, instance=localhost:10587)",
    )


def _add_config_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config.file",
        dest="config_file",
        metavar="FILE",
        help="configuration file; without it, MIMECAST_... environment variables configure one account",
    )


def _add_web_config_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--web.config.file",
        dest="web_config_file",
        metavar="FILE",
        help="file with TLS, users and headers, in the format of all Prometheus exporters; read again when it changes",
    )


def _add_web_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--web.listen-address",
        dest="web_listen_address",
        action="append",
        metavar="ADDRESS",
        help=f"address to listen on: HOST:PORT, [IPV6]:PORT or unix:PATH; repeatable (default: {DEFAULT_LISTEN})",
    )
    _add_web_config_flag(parser)
    parser.add_argument(
        "--web.telemetry-path",
        dest="web_telemetry_path",
        type=path,
        default="/metrics",
        metavar="PATH",
        help="path of the metrics (default: %(default)s)",
    )


def _add_serving_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--web.external-url",
        dest="web_external_url",
        type=url,
        metavar="URL",
        help="URL at which clients reach the exporter, such as behind a proxy (default: that of the request)",
    )
    parser.add_argument(
        "--web.enable-lifecycle",
        dest="web_enable_lifecycle",
        action="store_true",
        help="enable POST /-/reload (SIGHUP always reloads)",
    )
    parser.add_argument(
        "--web.max-requests",
        dest="web_max_requests",
        type=positive_int,
        default=40,
        metavar="N",
        help="answers prepared at the same time; further requests get status 503 (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout-offset",
        type=seconds,
        default=0.5,
        metavar="SECONDS",
        help="time subtracted from Prometheus's scrape timeout (default: %(default)s)",
    )
    parser.add_argument(
        "--default-scrape-timeout",
        type=seconds,
        default=10.0,
        metavar="SECONDS",
        help="time that a scrape without a timeout header waits for the API (default: %(default)s)",
    )


def _add_simulator_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accounts", type=positive_int, default=3, metavar="N", help="number of accounts (default: %(default)s)"
    )
    parser.add_argument(
        "--campaigns", type=positive_int, default=16, metavar="N", help="campaigns per account (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the made-up numbers (default: 1)")
    parser.add_argument(
        "--speed",
        type=seconds,
        default=1.0,
        metavar="FACTOR",
        help="speed of the simulated clock, 1 for real time (default: %(default)s)",
    )
    parser.add_argument(
        "--page-size", type=positive_int, metavar="N", help="campaigns per page of an answer (default: one page)"
    )


def _add_log_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log.level",
        dest="log_level",
        choices=("debug", "info", "warn", "error"),
        default="info",
        help="lowest level that is logged (default: info)",
    )
    parser.add_argument(
        "--log.format",
        dest="log_format",
        choices=("logfmt", "json"),
        default="logfmt",
        help="log format (default: logfmt)",
    )
