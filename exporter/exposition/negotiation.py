"""Content negotiation: the exposition format and the content coding of a scrape (RFC 9110, section 12.5).

Headers are given with their lines joined by commas. Scrapers repeat theirs, so the results are cached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from exporter.exposition.text import Format

_OPENMETRICS_VERSIONS = ("1.0.0", "0.0.1")


@lru_cache(maxsize=64)
def choose_format(accept: str) -> Format:
    """Return the format that the `Accept` header prefers; plain text where it prefers none that is served."""
    best: dict[Format | None, tuple[float, bool]] = {"openmetrics": (0.0, False), "text": (0.0, False)}
    for media_type, parameters, quality in _offers(accept):
        form = _format_of(media_type, parameters)
        # Of equal qualities, a type that is named is preferred to a wildcard.
        best[form] = max(best.get(form, (0.0, False)), (quality, quality > 0 and "*" not in media_type))
    return "openmetrics" if best["openmetrics"] > best["text"] else "text"


def _format_of(media_type: str, parameters: Mapping[str, str]) -> Format | None:
    version = parameters.get("version", "").strip('"')
    if media_type == "application/openmetrics-text" and (version or "1.0.0") in _OPENMETRICS_VERSIONS:
        return "openmetrics"
    if media_type == "text/plain" and version in ("", "0.0.4"):
        return "text"
    return "text" if media_type in ("text/*", "*/*") else None


@lru_cache(maxsize=64)
def accepts_gzip(accept_encoding: str) -> bool:
    """Report whether the `Accept-Encoding` header allows gzip and does not prefer uncompressed text."""
    qualities = {coding: quality for coding, _, quality in _offers(accept_encoding)}
    gzip = qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0)))
    return gzip > 0 and gzip >= qualities.get("identity", 0.0)


def _offers(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield each element of a list-valued header: its value, its parameters and its quality from 0 to 1."""
    for element in header.split(","):
        value, *rest = (part.strip().lower() for part in element.split(";"))
        pairs = (part.partition("=") for part in rest)
        parameters = {name.strip(): text.strip() for name, equals, text in pairs if equals}
        if value:
            yield value, parameters, _quality(parameters.pop("q", "1"))


def _quality(text: str) -> float:
    """Return the weight; an invalid one counts as 1, as in Go's and Python's client libraries."""
    try:
        weight = float(text)
    except ValueError:
        return 1.0
    return weight if 0 <= weight <= 1 else 1.0
