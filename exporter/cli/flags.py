"""The flags of every command, and the functions that parse their values."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from exporter.about import version_line

DEFAULT_LISTEN = ":10587"
_URL = re.compile(r"(?i:https?)://([a-zA-Z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[!\"$->@-~]*)?")


def _matching(pattern: str, expected: str, convert: Callable[[str], Any] = str) -> Callable[[str], Any]:
    """Return a function that checks a value against a pattern and converts it."""

    def value(text: str) -> Any:
        if not re.fullmatch(pattern, text):
            raise argparse.ArgumentTypeError(f"{text!r} is not {expected}")
        return convert(text)

    return value


positive_int = _matching("0*[1-9][0-9]*", "a whole number of 1 or more", int)
label = _matching(
    "[a-zA-Z_][a-zA-Z0-9_]*=.*", "a label such as instance=exporter:10587", lambda text: text.split("=", 1)
)
path = _matching(
    r"(?!/(config|probe|sd)$|/-/)(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+", "a path such as /metrics that nothing else uses"
)


def seconds(text: str) -> float:
    """Read a number of seconds, such as 0.5."""
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, such as 0.5")
    return value


def duration(text: str) -> float:
    """Read a duration with a unit, such as 90d; return seconds."""
    from exporter.config.scalars import Duration  # noqa: PLC0415 - few commands need it

    try:
        value = Duration.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is {error}") from error
    if not value:
        raise argparse.ArgumentTypeError(f"{text!r} must be longer than 0")
    return value


def url(text: str) -> str:
    """Read an http or https URL without credentials, query and fragment."""
    try:
        valid = _URL.fullmatch(text) and urlsplit(text).port != 0
    except ValueError:  # of the port, or of an address in brackets
        valid = False
    if not valid:
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL such as https://exporter.example.com/mimecast")
    return text.rstrip("/")


class Flag:
    """A flag: its name with the placeholder of its value, its commands, its help, and arguments of `add_argument`."""

    def __init__(self, usage: str, commands: str, text: str, **options: Any) -> None:
        self.name, _, metavar = usage.partition(" ")
        self.commands = commands.split()
        self.options = {"dest": re.sub("[.-]", "_", self.name.lstrip("-")), "help": text, **options}
        if metavar:
            self.options["metavar"] = metavar
        if "default" in options:
            self.options["help"] += f" (default: {options['default']})"


_EXPORTER = "serve demo"
_SIMULATOR = "simulate demo"
_LOGGING = "serve demo simulate check campaigns"

FLAGS = (
    Flag(
        "--config.file FILE",
        "serve check campaigns",
        "configuration file; without it, MIMECAST_... environment variables configure one account",
    ),
    Flag(
        "--config.watch SECONDS",
        "serve",
        "check every SECONDS (default: 30) for changed configuration files, and reload them",
        type=seconds,
        nargs="?",
        const=30.0,
    ),
    Flag(
        "--web.listen-address ADDRESS",
        "serve demo healthcheck",
        f"address to listen on: HOST:PORT, [IPV6]:PORT or unix:PATH; repeatable (default: {DEFAULT_LISTEN})",
        action="append",
    ),
    Flag(
        "--web.systemd-socket",
        "serve",
        "listen on the sockets that systemd passes, instead of --web.listen-address",
        action="store_true",
    ),
    Flag(
        "--web.config.file FILE",
        "serve demo healthcheck check",
        "file with TLS, users and headers, in the format of all Prometheus exporters; read again when it changes",
    ),
    Flag("--web.telemetry-path PATH", "serve demo healthcheck", "path of the metrics", type=path, default="/metrics"),
    Flag(
        "--web.external-url URL",
        _EXPORTER,
        "URL at which clients reach the exporter, such as behind a proxy (default: that of the request)",
        type=url,
    ),
    Flag("--web.enable-lifecycle", _EXPORTER, "enable POST /-/reload (SIGHUP always reloads)", action="store_true"),
    Flag(
        "--web.max-requests N",
        _EXPORTER,
        "maximum number of responses prepared at the same time; further requests get status 503",
        type=positive_int,
        default=40,
    ),
    Flag(
        "--timeout-offset SECONDS",
        _EXPORTER,
        "time subtracted from Prometheus's scrape timeout",
        type=seconds,
        default=0.5,
    ),
    Flag(
        "--default-scrape-timeout SECONDS",
        _EXPORTER,
        "time that a scrape without a timeout header waits for the API",
        type=seconds,
        default=10.0,
    ),
    Flag("--online", "check", "call the API once for each account and collector", action="store_true"),
    Flag("--account NAME", "campaigns", "account to show; required if there are several"),
    Flag("--all-accounts", "campaigns", "show every account", action="store_true"),
    Flag("--secure-ids", "campaigns", "also print Mimecast's own ids (200 characters)", action="store_true"),
    Flag("--output", "campaigns", "output format", choices=("table", "json", "metrics"), default="table"),
    Flag("--listen ADDRESS", "simulate", "address to listen on", default="127.0.0.1:10588"),
    Flag("--accounts N", _SIMULATOR, "number of accounts", type=positive_int, default=3),
    Flag("--campaigns N", _SIMULATOR, "campaigns per account", type=positive_int, default=16),
    Flag("--seed N", _SIMULATOR, "seed of the made-up numbers", type=int, default=1),
    Flag("--speed FACTOR", _SIMULATOR, "speed of the simulated clock, 1 for real time", type=seconds, default=1.0),
    Flag("--page-size N", _SIMULATOR, "campaigns per page of an answer (default: one page)", type=positive_int),
    Flag(
        "--history DURATION",
        "simulate",
        "write a history of this length, such as 90d, to standard output as OpenMetrics for `promtool tsdb"
        " create-blocks-from openmetrics`, and exit",
        type=duration,
    ),
    Flag(
        "--history-step DURATION",
        "simulate",
        "time between two samples of the history",
        type=duration,
        default="1h",
    ),
    Flag(
        "--history-label NAME=VALUE",
        "simulate",
        "label of the history's series, repeatable (default: job=mimecast, instance=localhost:10587)",
        type=label,
        action="append",
    ),
    Flag("--timeout SECONDS", "healthcheck", "maximum time to wait for the response", type=seconds, default=3.0),
    Flag(
        "--log.level",
        _LOGGING,
        "lowest level that is logged",
        choices=("debug", "info", "warn", "error"),
        default="info",
    ),
    Flag("--log.format", _LOGGING, "log format", choices=("logfmt", "json"), default="logfmt"),
    Flag("--version", "serve", "show the version and exit", action="version", version=version_line()),
)
