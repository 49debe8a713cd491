"""Panels as plain dictionaries of Grafana's classic model. Knows nothing of what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from palette import BLUE, GREY, MISSING, PLAIN, Json

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
#: The Grafana whose options these are; older ones leave out what they do not know.
GRAFANA = "13.2.3"
#: Milliseconds without a point that a line bridges: a demo's past has one an hour.
BRIDGED = 2 * 3600 * 1000


def query(expr: str, legend: str = "", *, ref: str = "A", table: bool = False, instant: bool = False) -> Json:
    """Return a Prometheus query.

    Args:
        expr: PromQL.
        legend: the series' name.
        ref: the query's letter.
        table: rows of the last values.
        instant: the last values.

    """
    last = table or instant
    return {
        "refId": ref,
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": expr,
        "legendFormat": legend,
        "instant": last,
        "range": not last,
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
    shade: str = "",
    empty: str = "no data",
    step: str = "",
    now: bool = False,
    span: str = "",
    **defaults: Any,
) -> Json:
    """Return a panel of the given size in grid units (24 are the whole width).

    Args:
        kind: Grafana's name of the visualization.
        title: the panel's title.
        description: what it shows, and how to read it.
        targets: the queries.
        width: in grid units.
        height: in grid units.
        unit: of the values.
        thresholds: colours by value.
        decimals: digits after the point.
        options: of the visualization.
        custom: field settings of the visualization.
        overrides: field settings by field.
        transformations: what is done with the queries' answers.
        colour: Grafana's name of the colour scheme.
        shade: the colour of the schemes that have one.
        empty: the text where there is no value.
        step: the smallest distance of two points, such as `1d`. It is the panel's and not the query's, which would
            widen `$__rate_interval`.
        now: show the present even where the dashboard shows the past.
        span: show this time up to the present instead of the dashboard's.
        defaults: further field settings.

    """
    field: Json = {"unit": unit, "thresholds": thresholds, "color": {"mode": colour}, "noValue": empty, **defaults}
    if shade:
        field["color"]["fixedColor"] = shade
    if decimals is not None:
        field["decimals"] = decimals
    if custom:
        field["custom"] = custom
    one: Json = {
        "type": kind,
        "title": title,
        "description": description,
        "pluginVersion": GRAFANA,
        "datasource": DATASOURCE,
        "gridPos": {"w": width, "h": height, "x": 0, "y": 0},
        "targets": list(targets),
        "options": options or {},
        "fieldConfig": {"defaults": field, "overrides": list(overrides)},
        "transformations": list(transformations),
    }
    if step:
        one["interval"] = step
    if now or span:
        one |= {"timeFrom": span or "5m", "hideTimeOverride": now}
    return one


def stat(title: str, description: str, expr: str, *, width: int = 8, height: int = 3, **settings: Any) -> Json:
    """Return a panel of one large number, on the ground of its colour if it has one."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "background_solid",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "textMode": "value",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    }
    settings = {"mappings": MISSING} | settings
    return panel(
        "stat", title, description, [query(expr, instant=True)], width=width, height=height, options=options, **settings
    )


def timeseries(
    title: str,
    description: str,
    targets: Sequence[Json],
    *,
    width: int = 12,
    height: int = 8,
    bars: str = "",
    legend: bool = True,
    **settings: Any,
) -> Json:
    """Return a panel of lines over time, their last values in the legend; or of bars on top of each other.

    A series for which `overrides` have no colour is grey: Grafana's own palette is not for everybody.

    Args:
        title: the panel's title.
        description: what it shows.
        targets: the queries.
        width: in grid units.
        height: in grid units.
        bars: `after` for values of the step that begins at their time, `before` for values of the step that ends there.
        legend: whether there is a legend.
        settings: as for `panel`.

    """
    line = {"lineWidth": 2, "fillOpacity": 0, "showPoints": "auto", "spanNulls": BRIDGED, "lineInterpolation": "linear"}
    bar: Json = {"drawStyle": "bars", "barWidthFactor": 0.8, "lineWidth": 0, "fillOpacity": 100}
    bar |= {"barAlignment": 1 if bars == "after" else -1}
    bar |= {"showPoints": "never", "stacking": {"mode": "normal", "group": "A"}}
    options = {
        "legend": {
            "displayMode": "list",
            "placement": "bottom",
            "calcs": [] if bars else ["lastNotNull"],
            "showLegend": legend,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    custom = (bar | {"axisSoftMax": 5} if bars else line) | {"axisSoftMin": 0} | settings.pop("custom", {})
    settings = {"colour": "fixed", "shade": GREY} | settings
    return panel(
        "timeseries",
        title,
        description,
        targets,
        width=width,
        height=height,
        options=options,
        custom=custom,
        **settings,
    )


def bar_gauge(
    title: str, description: str, targets: Sequence[Json], *, width: int = 12, height: int = 8, **settings: Any
) -> Json:
    """Return a panel of horizontal bars of last values."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal",
        "displayMode": "basic",
        "showUnfilled": True,
        "valueMode": "text",
        "sizing": "manual",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 30,
        "namePlacement": "left",
        "text": {"titleSize": 14, "valueSize": 16},
        "legend": {"displayMode": "list", "placement": "bottom", "calcs": [], "showLegend": False},
    }
    settings = {"colour": "fixed", "shade": BLUE} | settings
    return panel("bargauge", title, description, targets, width=width, height=height, options=options, **settings)


def row(title: str) -> Json:
    """Return a heading."""
    place = {"w": 24, "h": 1, "x": 0, "y": 0}
    return {"type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def fixed_colour(name: str, colour: str, *, by: str = "byName", **custom: Any) -> Json:
    """Return an override that gives the series of a name one colour, and a style if need be."""
    properties: list[Json] = [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}]
    properties += [{"id": f"custom.{key}", "value": value} for key, value in custom.items()]
    return {"matcher": {"id": by, "options": name}, "properties": properties}


#: A line to be reached or not to be crossed.
DASHED: Json = {"lineStyle": {"fill": "dash", "dash": [8, 8]}, "lineWidth": 1, "fillOpacity": 0}
