"""The pages a person reads: the landing page and the configuration. No JavaScript; everything is escaped."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from starlette.responses import HTMLResponse

from exporter import __version__
from exporter.accounts.status import AccountStatus

#: States of an account, in the order in which somebody wants to see them.
_ORDER = {"down": 0, "waiting": 1, "up": 2}


def landing(accounts: Sequence[AccountStatus], telemetry_path: str, now: float | None = None) -> HTMLResponse:
    """Version, links, and a row an account, failing ones first; `now` is seconds since the epoch."""
    moment = time.time() if now is None else now
    rows = sorted((_row(account, moment) for account in accounts), key=lambda row: (_ORDER[row["state"]], row["name"]))
    counts = {state: sum(row["state"] == state for row in rows) for state in _ORDER}
    return _page("landing.html", rows=rows, counts=counts, telemetry_path=telemetry_path)


def config(text: str) -> HTMLResponse:
    """The configuration in force, as redacted text."""
    return _page("config.html", text=text)


def _row(account: AccountStatus, now: float) -> dict[str, Any]:
    tried = account.up or account.reason
    return {
        "name": account.account,
        "state": "up" if account.up else "down" if tried else "waiting",
        "reason": account.reason,
        "message": account.message,
        "campaigns": account.campaigns,
        "age": _age(now - account.data_time) if account.data_time else None,
        "fetched": datetime.fromtimestamp(account.data_time, UTC).isoformat(timespec="seconds")
        if account.data_time
        else None,
    }


def _age(seconds: float) -> str:
    """A duration as people say it: `40s`, `12m`, `3h 5m`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60}s"
    return f"{whole // 3600}h {whole % 3600 // 60}m"


def _page(name: str, **values: Any) -> HTMLResponse:
    environment, style, policy = _templates()
    html = environment.get_template(name).render(style=style, version=__version__, **values)
    return HTMLResponse(html, headers=policy)


@cache
def _templates() -> tuple[Any, str, dict[str, str]]:
    """Jinja's environment, the style sheet, and headers that allow that style sheet and nothing else.

    Loaded with the first page, not with the program: a scraper never needs them.
    """
    import jinja2  # noqa: PLC0415 - a scraper never needs it

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("exporter.http.handlers"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    style = environment.get_template("style.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
    return environment, style, headers
