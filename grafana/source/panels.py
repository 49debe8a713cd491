"""Parts of a dashboard, as plain dictionaries of Grafana's classic model. Knows nothing of what is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Json = dict[str, Any]

# Okabe and Ito's colours, which everybody can tell apart.
BLUE, SKY, GREEN, ORANGE, VERMILLION, PURPLE, GREY = (
    "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#8E8E8E",
)  # fmt: skip

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}

#: Series of the exporter carry `instance`, recorded series do not: in fleets the account is the instance.
RAW = 'job=~"$job", instance=~"$instance", account=~"$account"'
RECORDED = 'job=~"$job", account=~"$account"'
PROCESS = 'job=~"$job", instance=~"$instance"'


def steps(*pairs: tuple[float | None, str]) -> Json:
    """Thresholds: each colour from its value on, the first from the beginning."""
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in pairs]}


#: Shares that should be high: of people who completed, of answers that are right. Grey is for what is not known.
HIGH_IS_GOOD = steps((None, GREY), (0, VERMILLION), (0.5, ORANGE), (0.8, BLUE))
PLAIN = steps((None, BLUE))
ZERO_IS_GOOD = steps((None, BLUE), (1, VERMILLION))


def query(expr: str, legend: str = "", *, ref: str = "A", table: bool = False, instant: bool = False) -> Json:
    """A Prometheus query; `table` gives rows of the last values."""
    return {
        "refId": ref,
        "datasource": DATASOURCE,
        "expr": expr,
        "legendFormat": legend,
        "instant": table or instant,
        "range": not (table or instant),
        "format": "table" if table else "time_series",
    }


def panel(
    kind: str,
    title: str,
    description: str,
    targets: Sequence[Json],
    *,
    width: int,
    height: int,
    unit: str = "short",
    thresholds: Json = PLAIN,
    decimals: int | None = None,
    options: Json | None = None,
    custom: Json | None = None,
    overrides: Sequence[Json] = (),
    transformations: Sequence[Json] = (),
    colour: str = "thresholds",
    empty: str = "no data",
    **defaults: Any,
) -> Json:
    """A panel of the given size in grid units (24 are the whole width)."""
    field: Json = {"unit": unit, "thresholds": thresholds, "color": {"mode": colour}, "noValue": empty, **defaults}
    if decimals is not None:
        field["decimals"] = decimals
    if custom:
        field["custom"] = custom
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "gridPos": {"w": width, "h": height, "x": 0, "y": 0},
        "targets": list(targets),
        "options": options or {},
        "fieldConfig": {"defaults": field, "overrides": list(overrides)},
        "transformations": list(transformations),
    }


def stat(title: str, description: str, expr: str, *, width: int = 4, **settings: Any) -> Json:
    """One large number."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "textMode": settings.pop("text_mode", "value"),
        "wideLayout": True,
    }
    legend = settings.pop("legend", "")
    return panel(
        "stat",
        title,
        description,
        [query(expr, legend, instant=True)],
        width=width,
        height=4,
        options=options,
        **settings,
    )


def timeseries(
    title: str, description: str, targets: Sequence[Json], *, width: int = 12, height: int = 8, **settings: Any
) -> Json:
    """Lines over time, their last values in the legend."""
    style = {"lineWidth": 2, "fillOpacity": 8, "showPoints": "never", "spanNulls": False, "lineInterpolation": "linear"}
    options = {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull"], "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    custom = style | settings.pop("custom", {})
    return panel(
        "timeseries", title, description, targets,
        width=width, height=height, options=options, custom=custom, colour=settings.pop("colour", "palette-classic"), **settings,
    )  # fmt: skip


def bars(
    title: str, description: str, targets: Sequence[Json], *, width: int = 12, height: int = 8, **settings: Any
) -> Json:
    """Horizontal bars of last values."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal",
        "displayMode": "basic",
        "showUnfilled": True,
        "valueMode": "color",
        "minVizHeight": 16,
        "maxVizHeight": 60,
        "namePlacement": "auto",
        "sizing": "auto",
    }
    return panel("bargauge", title, description, targets, width=width, height=height, options=options, **settings)


class Column:
    """A column of a table: a query's value, or a label.

    Args:
        field: the field's name after merging, such as `Value #A` or a label's name.
        title: the column's head.
        properties: what is set for its cells, by property id.

    """

    def __init__(self, field: str, title: str, **properties: Any) -> None:
        self.field = field
        self.title = title
        self.properties = {name.replace("__", "."): value for name, value in properties.items()}


def share_bar(field: str, title: str, thresholds: Json = HIGH_IS_GOOD) -> Column:
    """A share from 0 to 1 as a bar in its cell."""
    cell = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
    return Column(
        field, title, unit="percentunit", decimals=0, min=0, max=1, thresholds=thresholds, custom__cellOptions=cell, custom__width=190
    )  # fmt: skip


def table(
    title: str,
    description: str,
    targets: Sequence[Json],
    columns: Sequence[Column],
    *,
    width: int = 24,
    height: int = 12,
    sort: str = "",
    descending: bool = False,
    filters: Sequence[Json] = (),
    **settings: Any,
) -> Json:
    """Rows that have their labels in common, one column a query; what is not named is hidden."""
    organize = {
        "id": "organize",
        "options": {
            "includeByName": {column.field: True for column in columns},
            "indexByName": {column.field: place for place, column in enumerate(columns)},
            "renameByName": {column.field: column.title for column in columns},
        },
    }
    overrides = [
        {
            "matcher": {"id": "byName", "options": column.title},
            "properties": [{"id": name, "value": value} for name, value in column.properties.items()],
        }
        for column in columns
        if column.properties
    ]
    options = {
        "showHeader": True,
        "cellHeight": "sm",
        "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": ""},
        "sortBy": [{"displayName": sort, "desc": descending}] if sort else [],
    }
    return panel(
        "table", title, description, targets,
        width=width, height=height, options=options, overrides=overrides, custom={"align": "auto", "filterable": True},
        transformations=[{"id": "merge", "options": {}}, *filters, organize], **settings,
    )  # fmt: skip


def row(title: str) -> Json:
    """A heading."""
    return {
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"w": 24, "h": 1, "x": 0, "y": 0},
        "panels": [],
    }


def fixed_colour(matcher: str, options: str, colour: str) -> Json:
    """An override that gives the fields it matches one colour."""
    return {
        "matcher": {"id": matcher, "options": options},
        "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
    }


def link(title: str, url: str) -> Json:
    """A link from a cell; it opens in the same tab."""
    return {"title": title, "url": url, "targetBlank": False}


def variable(name: str, label: str, expr: str, *, many: bool = True) -> Json:
    """A variable of label values; with `many` it is all of them until somebody chooses."""
    chosen = {"selected": True, "text": ["All"], "value": ["$__all"]} if many else {}
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "query": {"query": expr, "refId": "variable"},
        "definition": expr,
        "refresh": 2,
        "sort": 5,
        "multi": many,
        "includeAll": many,
        "allValue": ".*" if many else None,
        "current": chosen,
        "hide": 0,
    }


def variables(*, campaign: str = "", accounts: bool = True) -> list[Json]:
    """datasource, job, instance and account; `campaign` adds the title, as `many` or `one`."""
    found = [
        {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "current": {}, "hide": 0, "refresh": 1, "regex": ""},
        variable("job", "Job", 'label_values({__name__=~"mimecast_up|mimecast_exporter_build_info"}, job)'),
        variable("instance", "Instance", 'label_values({__name__=~"mimecast_up|mimecast_exporter_build_info", job=~"$job"}, instance)'),
    ]  # fmt: skip
    if accounts:
        expr = 'label_values(mimecast_up{job=~"$job", instance=~"$instance"}, account)'
        found.append(variable("account", "Account", expr, many=campaign != "one"))
    if campaign:
        expr = f"label_values(mimecast_awareness_campaign_info{{{RAW}}}, title)"
        found.append(variable("title", "Campaign", expr, many=campaign == "many"))
    return found


def dashboard(
    uid: str, title: str, description: str, *, panels: Iterable[Json], found: Sequence[Json], span: str
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
        "annotations": {"list": []},
        "links": [
            {
                "type": "dashboards",
                "title": "Mimecast",
                "tags": ["mimecast"],
                "asDropdown": True,
                "includeVars": False,
                "keepTime": True,
                "icon": "external link",
            }
        ],
        "templating": {"list": list(found)},
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
