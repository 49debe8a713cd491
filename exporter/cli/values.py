"""Values of flags: each function reads one from its text, or says what is wrong with it."""

from __future__ import annotations

import argparse
import math
import re
from urllib.parse import urlsplit


def positive_int(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not (text.isascii() and text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


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


def label(text: str) -> tuple[str, str]:
    """Read a label, such as instance=exporter:10587."""
    name, separator, value = text.partition("=")
    if not separator or not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name):
        raise argparse.ArgumentTypeError(f"{text!r} is not a label such as instance=exporter:10587")
    return name, value


def path(text: str) -> str:
    """Read a path at which nothing else is served."""
    taken = text in ("/", "/config", "/probe", "/sd") or text.startswith("/-/")
    if taken or not re.fullmatch(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a path such as /metrics that nothing else uses")
    return text


def url(text: str) -> str:
    """Read an http or https URL without credentials, query and fragment."""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or parts.username is not None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL such as https://exporter.example.com/mimecast")
    return text.rstrip("/")
