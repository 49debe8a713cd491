"""Values of flags: what text on the command line means, and how to write what it does not.

Each function raises ArgumentTypeError, which argparse prints beside the flag's name.
"""

from __future__ import annotations

import argparse
import math
import re
from urllib.parse import urlsplit


def positive_int(text: str) -> int:
    """Return a whole number of 1 or more."""
    if not (text.isascii() and text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def seconds(text: str) -> float:
    """Return a number of seconds, such as 0.5 or 0.5s."""
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, such as 0.5")
    return value


def duration(text: str) -> float:
    """Return the seconds of a duration such as 90d."""
    from exporter.config.scalars import Duration  # noqa: PLC0415 - few commands need it

    try:
        value = Duration.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is {error}") from error
    if not value:
        raise argparse.ArgumentTypeError(f"{text!r} is no time at all")
    return value


def label(text: str) -> tuple[str, str]:
    """Return name and value of a label such as `instance=exporter:10587`."""
    name, separator, value = text.partition("=")
    if not separator or not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name):
        raise argparse.ArgumentTypeError(f"{text!r} is not a label such as instance=exporter:10587")
    return name, value


def path(text: str) -> str:
    """Return a path that nothing else is served at."""
    taken = text in ("/", "/config", "/probe", "/sd") or text.startswith("/-/")
    if taken or not re.fullmatch(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a free path such as /metrics")
    return text


def url(text: str) -> str:
    """Return a URL without the slash at its end."""
    try:
        url = urlsplit(text)
        valid = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        valid = False
    if not valid or url.query or url.fragment or url.username is not None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL such as https://exporter.example.com/mimecast")
    return text.rstrip("/")
