"""A dashboard as a whole: its variables, its links to the others, and where its panels stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from palette import Json
from panels import DATASOURCE
from promql import SELECTED

OVERVIEW, CAMPAIGN, PHISHING, ACCOUNTS, EXPORTER = (
    f"mimecast-{name}" for name in ("overview", "campaign", "phishing", "accounts", "exporter")
)
#: Carried from one dashboard to the next.
_KEPT = "${datasource:queryparam}&${job:queryparam}"
SAME_TIME = "${__url_time_range}"


def link(title: str, uid: str, /, *, time: str = SAME_TIME, **variables: str) -> Json:
    """Return a link from a cell to a dashboard, in the same tab.

    Args:
        title: what the link does.
        uid: the dashboard's.
        time: the time to show, as parameters of the URL.
        variables: its variables, each with the column of the row that has its value.

    """
    chosen = "".join(f'&var-{name}=${{__data.fields["{column}"]:percentencode}}' for name, column in variables.items())
    return {"title": title, "url": f"/d/{uid}?{_KEPT}{chosen}&{time}", "targetBlank": False}


def _to(uid: str, title: str, icon: str = "dashboard") -> Json:
    return {
        "type": "link",
        "title": title,
        "tooltip": f"Open the dashboard {title}",
        "url": f"/d/{uid}?{_KEPT}&${{account:queryparam}}",
        "icon": icon,
        "keepTime": False,
        "includeVars": False,
        "targetBlank": False,
        "asDropdown": False,
        "tags": [],
    }


_ALL_DASHBOARDS = {
    OVERVIEW: _to(OVERVIEW, "Overview"),
    CAMPAIGN: _to(CAMPAIGN, "Campaign"),
    PHISHING: _to(PHISHING, "Phishing and risk"),
    ACCOUNTS: _to(ACCOUNTS, "Accounts"),
    EXPORTER: _to(EXPORTER, "Exporter", "bolt"),
}


def _variable(
    name: str,
    label: str,
    expr: str,
    *,
    everything: str = "",
    regex: str = "",
    hide: int = 0,
) -> Json:
    """Return a variable of what a query gives, sorted by name, or by the query where `regex` picks its values.

    With `everything` there is a choice All, which is that in queries: a list of all values could be very long. Several
    values may be chosen everywhere, so that Grafana escapes them as regular expressions.
    """
    variable: Json = {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "query": {"query": expr, "refId": "variable"},
        "refresh": 2,
        "regex": regex,
        "sort": 0 if regex else 5,
        "multi": True,
        "includeAll": bool(everything),
        "options": [],
        "skipUrlSync": False,
        "hide": hide,
    }
    if everything:
        variable |= {"allValue": everything, "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}
    return variable


def _fixed(kind: str, name: str, label: str, value: str) -> Json:
    common: Json = {"type": kind, "name": name, "label": label, "query": value, "hide": 0, "skipUrlSync": False}
    if kind == "textbox":
        return common | {"current": {"selected": True, "text": value, "value": value}, "options": []}
    return common | {"multi": False, "includeAll": False, "options": [], "refresh": 1, "regex": ""}


_DATASOURCE = _fixed("datasource", "datasource", "Data source", "prometheus")
_EXPORTERS = '{__name__=~"mimecast_up|mimecast_exporter_build_info"'
_JOB = _variable("job", "Job", f"label_values({_EXPORTERS}}}, job)", everything=".+", hide=2)
_INSTANCE = _variable("instance", "Instance", f'label_values({_EXPORTERS}, job=~"$job"}}, instance)', everything=".+")
_ACCOUNT = 'label_values(mimecast_up{job=~"$job"}, account)'
#: Also where the exporter has been down for up to a day.
_LAUNCH = f"max by (campaign_id, title) (last_over_time(mimecast_awareness_campaign_launch_timestamp_seconds{{{SELECTED}}}[1d]))"
_RUNNING = f"max by (campaign_id, title) (last_over_time(campaign:mimecast_awareness_users_to_remind:count{{{SELECTED}}}[1d])) > 0"
_INFO = f"max by (campaign_id, title) (mimecast_awareness_campaign_info{{{SELECTED}}})"
#: Running campaigns that have been sent, then all that have been launched, then all others; of each the latest first.
_BY_LAUNCH = f"query_result(sort_desc({_LAUNCH} + 2e10 and ({_RUNNING}) or ({_LAUNCH} < time()) + 1e10 or {_LAUNCH} or 0 * {_INFO}))"

FOR_ACCOUNTS = [_DATASOURCE, _JOB, _variable("account", "Account", _ACCOUNT, everything=".+")]
FOR_ACCOUNTS_BY_NAME = [*FOR_ACCOUNTS, _fixed("textbox", "search", "Account name contains", "")]
FOR_EXPORTERS = [_DATASOURCE, _JOB | {"hide": 0}, _INSTANCE, FOR_ACCOUNTS[-1]]
FOR_ONE_CAMPAIGN = [
    _DATASOURCE,
    _JOB,
    _variable("account", "Account", _ACCOUNT),
    _variable("campaign", "Campaign", _BY_LAUNCH, regex='/campaign_id="(?<value>[^"]+)",title="(?<text>.*)"\\}/'),
]


def dashboard(
    uid: str,
    title: str,
    description: str,
    *,
    panels: Iterable[Json],
    variables: Sequence[Json],
    span: str,
    annotations: Sequence[Json] = (),
) -> Json:
    """Return a dashboard; panels are placed from left to right, a new line where one does not fit."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["mimecast", "security awareness"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": f"now-{span}", "to": "now"},
        "timezone": "",
        "refresh": "5m",
        "annotations": {"list": list(annotations)},
        "links": [other for name, other in _ALL_DASHBOARDS.items() if name != uid],
        "templating": {"list": list(variables)},
        "panels": _placed(panels),
    }


def _placed(panels: Iterable[Json]) -> list[Json]:
    placed, x, y, line = [], 0, 0, 0
    for number, one in enumerate(panels, start=1):
        width, height = one["gridPos"]["w"], one["gridPos"]["h"]
        if x + width > 24:
            x, y, line = 0, y + line, 0
        placed.append(one | {"id": number, "gridPos": {"w": width, "h": height, "x": x, "y": y}})
        x, line = x + width, max(line, height)
    return placed
