"""The HTML pages: `/` shows the state of every account, `/config` the configuration. They have no JavaScript."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from exporter import about
from exporter.accounts.account import RunningAccount
from exporter.accounts.collector import RunningCollector
from exporter.config import redacted
from exporter.http.handlers.state import AppState, state_of

#: States of an account, those that need attention first.
_ORDER = {"down": 0, "waiting": 1, "up": 2}
_SHORT_REVISION = 12
#: Above this number of rows the page has a filter.
_MANY_ROWS = 10


async def landing(request: Request) -> Response:
    """Answer with links and a row for each collector of each account, failing ones first.

    The query parameters `q` (a text) and `state` filter the rows.
    """
    state = state_of(request)
    now = state.wall_clock()
    rows = [
        _row(account, collector, now)
        for account in state.registry.accounts.values()
        for collector in account.collectors.values()
    ]
    rows.sort(key=lambda row: (_ORDER[row["state"]], row["account"]))
    query, selected = request.query_params.get("q", "").strip(), request.query_params.get("state", "")
    shown = [row for row in rows if _matches(row, query, selected)]
    return _page(
        state,
        "landing.html",
        rows=shown,
        counts={name: sum(row["state"] == name for row in rows) for name in _ORDER},
        accounts=len(state.registry.accounts),
        total=len(rows),
        several=len({row["collector"] for row in rows}) > 1,
        filterable=len(rows) > _MANY_ROWS or bool(query or selected),
        query=query,
        selected=selected if selected in _ORDER else "",
    )


async def config(request: Request) -> Response:
    """Answer with the configuration in force without secrets, once without and once with the defaults."""
    state = state_of(request)
    current = state.config()
    return _page(
        state,
        "config.html",
        source=current.source,
        text=redacted(current, defaults=False),
        everything=redacted(current),
    )


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
        "attempted_at": _iso(status.attempted_at) if status.attempted_at else None,
        "next": _next_attempt(collector, now),
    }


def _matches(row: Mapping[str, Any], query: str, state: str) -> bool:
    text = " ".join((row["account"], row["collector"], row["state"], row["reason"]))
    return query.casefold() in text.casefold() and (state not in _ORDER or state == row["state"])


def _next_attempt(collector: RunningCollector, now: float) -> str:
    """Return when a scrape can next call the API: after a pause, or after the time to live."""
    if collector.cache.is_refreshing:
        return "now"
    fetched = collector.status.data_time
    fresh = collector.cache.ttl - (now - fetched) if fetched and collector.status.up else 0.0
    wait = max(collector.cache.next_attempt_in, fresh)
    return f"in {_age(wait)}" if wait >= 1 else "next scrape"


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _age(seconds: float) -> str:
    """Return a duration in the form `40s`, `12m 5s` or `3h 5m`."""
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
        style=style,
        version=about.VERSION,
        revision=about.revision()[:_SHORT_REVISION],
        documentation=about.FILES_URL,
        link=link,
        telemetry_path=state.options.telemetry_path,
        **values,
    )
    return HTMLResponse(html, headers=policy)


@cache
def _templates() -> tuple[Any, str, dict[str, str]]:
    """Return Jinja's environment, the style sheet, and headers that allow only this style sheet."""
    import jinja2  # noqa: PLC0415 - scrapes do not need it

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("exporter.http.handlers"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    style = environment.get_template("style.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
    return environment, style, headers
