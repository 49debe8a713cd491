"""The parser of the command line: flags, and the command that they are for.

A command's module is imported when it runs, so that each command starts quickly.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from exporter import __version__

DEFAULT_LISTEN = ":10587"
_COMMANDS = {
    "serve": "run the exporter (the default command)",
    "check": "validate a configuration; with --online also call each account once",
    "campaigns": "show what an account returns now",
    "simulate": "run the API simulator alone",
    "demo": "run the exporter against the built-in simulator, no configuration needed",
    "healthcheck": "ask the running exporter whether it serves; for containers",
}


def run(arguments: Sequence[str]) -> int:
    """Run a command; gives the exit status: 0 for success, 1 for failure, 2 for a misused command line."""
    parser = build_parser()
    given = list(arguments)
    if not given or (given[0] not in _COMMANDS and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "serve")
    options = parser.parse_args(given)
    try:
        command: Callable[[argparse.Namespace], int] = importlib.import_module(f"exporter.cli.{options.command}").run
        return command(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    parser = argparse.ArgumentParser(
        prog="mimecast-exporter",
        description="Prometheus exporter for Mimecast Awareness Training campaigns.",
        epilog="Without a command the exporter is served. `mimecast-exporter COMMAND --help` tells a command's flags.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"mimecast-exporter {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    added = {
        name: commands.add_parser(name, help=text, description=text.capitalize() + ".", allow_abbrev=False)
        for name, text in _COMMANDS.items()
    }
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


def _add_own_flags(added: dict[str, argparse.ArgumentParser]) -> None:
    added["serve"].add_argument(
        "--config.watch",
        dest="config_watch",
        type=_seconds,
        nargs="?",
        const=30.0,
        metavar="SECONDS",
        help="reload when the configuration or an account file changes, checked so often (30 if no number is given)",
    )
    added["serve"].add_argument(
        "--web.systemd-socket",
        dest="web_systemd_socket",
        action="store_true",
        help="listen on the sockets systemd passes instead of --web.listen-address",
    )
    added["serve"].add_argument("--version", action="version", version=f"mimecast-exporter {__version__}")
    added["check"].add_argument("--online", action="store_true", help="call each account once and say what came back")
    campaigns = added["campaigns"]
    campaigns.add_argument("--account", metavar="NAME", help="the account to show; needed where there are several")
    campaigns.add_argument("--all-accounts", action="store_true", help="show every account")
    campaigns.add_argument("--secure-ids", action="store_true", help="also show Mimecast's own ids, of 200 characters")
    campaigns.add_argument("--output", choices=("table", "json", "metrics"), default="table", help="default: table")
    added["simulate"].add_argument(
        "--listen",
        default="127.0.0.1:10588",
        metavar="ADDRESS",
        help="where the simulator listens (default: %(default)s)",
    )
    added["healthcheck"].add_argument(
        "--timeout", type=_seconds, default=3.0, metavar="SECONDS", help="default: %(default)s"
    )


def _add_config_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config.file",
        dest="config_file",
        metavar="FILE",
        help="the configuration; without it the environment configures one account (MIMECAST_...)",
    )


def _add_web_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--web.listen-address",
        dest="web_listen_address",
        action="append",
        metavar="ADDRESS",
        help=f"where to listen: host:port, [IPv6]:port or unix:path; repeatable (default: {DEFAULT_LISTEN})",
    )
    parser.add_argument(
        "--web.config.file",
        dest="web_config_file",
        metavar="FILE",
        help="TLS, users and headers, in the format of the Prometheus exporters; read again when it changes",
    )
    parser.add_argument(
        "--web.telemetry-path",
        dest="web_telemetry_path",
        type=_path,
        default="/metrics",
        metavar="PATH",
        help="where metrics are served (default: %(default)s)",
    )


def _add_serving_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--web.external-url",
        dest="web_external_url",
        type=_url,
        metavar="URL",
        help="the exporter's address as others see it (default: as the request names it)",
    )
    parser.add_argument(
        "--web.enable-lifecycle",
        dest="web_enable_lifecycle",
        action="store_true",
        help="allow POST /-/reload (SIGHUP reloads in any case)",
    )
    parser.add_argument(
        "--web.max-requests",
        dest="web_max_requests",
        type=_positive_int,
        default=40,
        metavar="N",
        help="requests prepared at the same time; others get 503 (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout-offset",
        type=_seconds,
        default=0.5,
        metavar="SECONDS",
        help="seconds subtracted from Prometheus's scrape timeout (default: %(default)s)",
    )
    parser.add_argument(
        "--default-scrape-timeout",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long a scrape that names no timeout waits for the API (default: %(default)s)",
    )


def _add_simulator_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accounts", type=_positive_int, default=3, metavar="N", help="accounts (default: %(default)s)"
    )
    parser.add_argument(
        "--campaigns", type=_positive_int, default=16, metavar="N", help="campaigns an account (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed, the same numbers (default: 1)")
    parser.add_argument(
        "--speed",
        type=_seconds,
        default=1.0,
        metavar="FACTOR",
        help="how much faster than real time the simulated clock runs (default: %(default)s)",
    )
    parser.add_argument("--page-size", type=_positive_int, metavar="N", help="campaigns a page (default: no pages)")


def _add_log_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log.level",
        dest="log_level",
        choices=("debug", "info", "warn", "error"),
        default="info",
        help="default: info",
    )
    parser.add_argument(
        "--log.format", dest="log_format", choices=("logfmt", "json"), default="logfmt", help="default: logfmt"
    )


def _positive_int(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, such as 0.5")
    return value


def _path(text: str) -> str:
    taken = text in ("/", "/config", "/probe", "/sd") or text.startswith("/-/")
    if taken or not re.fullmatch(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a path such as /metrics that nothing else is served at")
    return text


def _url(text: str) -> str:
    try:
        url = urlsplit(text)
        valid = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        valid = False
    if not valid or url.query or url.fragment or url.username is not None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL such as https://exporter.example.com/mimecast")
    return text.rstrip("/")
