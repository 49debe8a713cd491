"""The pages for people: `/`, the accounts and their state, and `/config`. No JavaScript; everything is escaped."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from exporter import __version__
from exporter.accounts.account import RunningAccount
from exporter.accounts.collector import RunningCollector
from exporter.config import redacted
from exporter.http.handlers.state import AppState, state_of

#: States of an account, those that need attention first.
_ORDER = {"down": 0, "waiting": 1, "up": 2}


async def landing(request: Request) -> Response:
    """Answer with version, links, and a row for each collector of each account, failing ones first."""
    state = state_of(request)
    now = state.wall_clock()
    rows = [
        _row(account, collector, now)
        for account in state.registry.accounts.values()
        for collector in account.collectors.values()
    ]
    rows.sort(key=lambda row: (_ORDER[row["state"]], row["account"]))
    counts = {name: sum(row["state"] == name for row in rows) for name in _ORDER}
    several = len({row["collector"] for row in rows}) > 1
    return _page(
        state, "landing.html", rows=rows, counts=counts, accounts=len(state.registry.accounts), several=several
    )


async def config(request: Request) -> Response:
    """Answer with the configuration in force, without its secrets."""
    state = state_of(request)
    return _page(state, "config.html", text=redacted(state.config()))


def _row(account: RunningAccount, collector: RunningCollector, now: float) -> dict[str, Any]:
    status = collector.status
    attempted = status.up or bool(status.reason)
    return {
        "account": account.status.account,
        "collector": status.collector,
        "state": "up" if status.up else "down" if attempted else "waiting",
        "fetching": collector.cache.is_refreshing,
        "reason": status.reason,
        "message": status.message,
        "records": status.records if status.counted_as else None,
        "age": _age(now - status.data_time) if status.data_time else None,
        "fetched": _iso(status.data_time) if status.data_time else None,
        "attempted": _age(now - status.attempted_at) if status.attempted_at else None,
        "retry": _age(collector.cache.next_attempt_in) if collector.cache.next_attempt_in else None,
    }


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _age(seconds: float) -> str:
    """Return a duration as people say it: `40s`, `12m 5s`, `3h 5m`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60}s"
    return f"{whole // 3600}h {whole % 3600 // 60}m"


def _page(state: AppState, name: str, **values: Any) -> HTMLResponse:
    def link(path: str) -> str:
        """Return the path below the external URL, or relative to the page, so that a proxy may add a prefix."""
        return state.options.external_url + path if state.options.external_url else path.lstrip("/") or "./"

    environment, style, policy = _templates()
    html = environment.get_template(name).render(
        style=style, version=__version__, link=link, telemetry_path=state.options.telemetry_path, **values
    )
    return HTMLResponse(html, headers=policy)


@cache
def _templates() -> tuple[Any, str, dict[str, str]]:
    """Return Jinja's environment, the style sheet, and headers that allow that style sheet and nothing else.

    Jinja is imported with the first page: a scraper never needs it.
    """
    import jinja2  # noqa: PLC0415 - see above

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
