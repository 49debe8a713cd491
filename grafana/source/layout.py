"""A dashboard as a whole: its variables, its links to the others, and where its panels stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from palette import Json
from panels import DATASOURCE
from promql import BY_TITLE, PROCESS, RAW

OVERVIEW, CAMPAIGN, ACCOUNTS, EXPORTER = (
    f"mimecast-{name}" for name in ("overview", "campaign", "accounts", "exporter")
)
#: Carried from one dashboard to the next; the account only to those that show many.
_KEPT = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"


def link(title: str, uid: str, /, **variables: str) -> Json:
    """A link from a cell to a dashboard, for the same time, in the same tab.

    Args:
        title: what the link does.
        uid: the dashboard's.
        variables: its variables, each with the column of the row that has its value.

    """
    chosen = "".join(f'&var-{name}=${{__data.fields["{column}"]:percentencode}}' for name, column in variables.items())
    url = f"/d/{uid}?{_KEPT}{chosen}&${{__url_time_range}}"
    return {"title": title, "url": url, "targetBlank": False}


def _to(uid: str, title: str, icon: str = "dashboard") -> Json:
    return {
        "type": "link",
        "title": title,
        "tooltip": f"Open the dashboard {title}",
        "url": f"/d/{uid}?{_KEPT}&${{account:queryparam}}",
        "icon": icon,
        "keepTime": True,
        "includeVars": False,
        "targetBlank": False,
        "asDropdown": False,
        "tags": [],
    }


_OTHERS = {
    OVERVIEW: _to(OVERVIEW, "Awareness overview"),
    ACCOUNTS: _to(ACCOUNTS, "Accounts"),
    EXPORTER: _to(EXPORTER, "Exporter", "bolt"),
}


def _variable(
    name: str,
    label: str,
    expr: str,
    *,
    many: bool = True,
    all_of_them: str | None = None,
    regex: str = "",
) -> Json:
    """A variable of what a query gives, sorted by name, or by the query where `regex` picks its values.

    Without `all_of_them` there is no All, and the first is chosen. With it All is that in queries, or the list of the
    values where it is empty.
    """
    everything = all_of_them is not None
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "query": {"query": expr, "refId": "variable"},
        "definition": expr,
        "refresh": 2,
        "regex": regex,
        "sort": 0 if regex else 5,
        "multi": many,
        "includeAll": everything,
        "allValue": all_of_them or None,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]} if everything else {},
        "options": [],
        "skipUrlSync": False,
        "hide": 0,
    }


_SOURCES: list[Json] = [
    {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "current": {},
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "options": [],
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
    },
    _variable(
        "job", "Job", 'label_values({__name__=~"mimecast_up|mimecast_exporter_build_info"}, job)', all_of_them=".+"
    ),
    _variable(
        "instance", "Instance",
        'label_values({__name__=~"mimecast_up|mimecast_exporter_build_info", job=~"$job"}, instance)', all_of_them=".+",
    ),
]  # fmt: skip
_ACCOUNT = f"label_values(mimecast_up{{{PROCESS}}}, account)"
_TITLE = f"label_values(mimecast_awareness_campaign_info{{{RAW}}}, title)"
_ONE = f"{RAW}{BY_TITLE}"
_BY_LAUNCH = (
    f"max by (campaign_id) (mimecast_awareness_campaign_launch_timestamp_seconds{{{_ONE}}})"
    f" or 0 * max by (campaign_id) (mimecast_awareness_campaign_info{{{_ONE}}})"
)
_ID = f"query_result(sort_desc({_BY_LAUNCH}))"

#: datasource, job, instance and account. All accounts are those that the chosen instances have: recorded series know no
#: instance, and follow by the account.
FOR_ACCOUNTS = [*_SOURCES, _variable("account", "Account", _ACCOUNT, all_of_them="")]
FOR_CAMPAIGNS = [*FOR_ACCOUNTS, _variable("title", "Campaign", _TITLE, all_of_them=".*")]
#: Several titles may be chosen so that Grafana escapes them as regular expressions: elsewhere it loses a single quote.
#: Of campaigns with the same title the one that was launched last is shown.
FOR_ONE_CAMPAIGN = [
    *_SOURCES,
    _variable("account", "Account", _ACCOUNT, many=False),
    _variable("title", "Campaign", _TITLE),
    _variable("campaign", "Campaign id", _ID, regex='/campaign_id="([^"]+)"/'),
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
    """A dashboard; panels are placed from left to right, a new line where one does not fit."""
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
        "links": [other for name, other in _OTHERS.items() if name != uid],
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
