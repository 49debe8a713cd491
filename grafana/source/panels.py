"""Panels as plain dictionaries of Grafana's classic model. Knows nothing of what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from palette import GREY, HIGH_IS_GOOD, PLAIN, Json

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}


def query(
    expr: str, legend: str = "", *, ref: str = "A", table: bool = False, instant: bool = False, step: str = ""
) -> Json:
    """A Prometheus query.

    Args:
        expr: PromQL.
        legend: the series' name.
        ref: the query's letter.
        table: rows of the last values.
        instant: the last values.
        step: the smallest distance of two points, such as `1d`.

    """
    last = table or instant
    found = {
        "refId": ref,
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": expr,
        "legendFormat": legend,
        "instant": last,
        "range": not last,
        "format": "table" if table else "time_series",
    }
    return found | {"interval": step} if step else found


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
    links: Sequence[Json] = (),
    **defaults: Any,
) -> Json:
    """A panel of the given size in grid units (24 are the whole width)."""
    field: Json = {"unit": unit, "thresholds": thresholds, "color": {"mode": colour}, "noValue": empty, **defaults}
    if shade:
        field["color"]["fixedColor"] = shade
    if decimals is not None:
        field["decimals"] = decimals
    if custom:
        field["custom"] = custom
    if links:
        field["links"] = list(links)
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


def stat(
    title: str, description: str, expr: str, *, width: int = 4, height: int = 3, legend: str = "", **settings: Any
) -> Json:
    """One large number; coloured where it has thresholds or words, and black on white or white on black elsewhere."""
    judged = "thresholds" in settings or "mappings" in settings
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value" if judged else "none",
        "graphMode": "none",
        "justifyMode": "auto",
        "textMode": "name" if legend else "value",
        "wideLayout": True,
    }
    targets = [query(expr, legend, instant=True)]
    return panel("stat", title, description, targets, width=width, height=height, options=options, **settings)


def timeseries(
    title: str,
    description: str,
    targets: Sequence[Json],
    *,
    width: int = 12,
    height: int = 8,
    bars: bool = False,
    legend: bool = True,
    colour: str = "fixed",
    shade: str = GREY,
    **settings: Any,
) -> Json:
    """Lines over time, their last values in the legend; or bars on top of each other, one a step.

    A series for which `overrides` have no colour is grey: Grafana's own palette is not for everybody.
    """
    line = {"lineWidth": 2, "fillOpacity": 0, "showPoints": "auto", "spanNulls": False, "lineInterpolation": "linear"}
    bar = {"drawStyle": "bars", "barWidthFactor": 0.8, "lineWidth": 0, "fillOpacity": 75}
    bar |= {"showPoints": "never", "stacking": {"mode": "normal", "group": "A"}}
    options = {
        "legend": {
            "displayMode": "list" if bars else "table",
            "placement": "bottom",
            "calcs": [] if bars else ["lastNotNull"],
            "showLegend": legend,
            "sortBy": "Last *",
            "sortDesc": True,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    custom = (bar | {"axisSoftMax": 5} if bars else line) | {"axisSoftMin": 0} | settings.pop("custom", {})
    return panel(
        "timeseries", title, description, targets,
        width=width, height=height, options=options, custom=custom, colour=colour, shade=shade, **settings,
    )  # fmt: skip


def bar_gauge(
    title: str, description: str, targets: Sequence[Json], *, width: int = 12, height: int = 8, **settings: Any
) -> Json:
    """Horizontal bars of last values."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal",
        "displayMode": "basic",
        "showUnfilled": True,
        "valueMode": "color",
        "sizing": "manual",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 54,
        "namePlacement": "top",
    }
    return panel("bargauge", title, description, targets, width=width, height=height, options=options, **settings)


class Column:
    """A column of a table: a query's value, or a label.

    Args:
        field: the field's name after merging, such as `Value #A` or a label's name.
        title: the column's head.
        properties: what is set for its cells, by property id; `__` stands for a dot.

    """

    def __init__(self, field: str, title: str, **properties: Any) -> None:
        self.field = field
        self.title = title
        self.properties = {name.replace("__", "."): value for name, value in properties.items()}

    @property
    def override(self) -> Json:
        """The properties as Grafana's model has them."""
        properties = [{"id": name, "value": value} for name, value in {"noValue": "-", **self.properties}.items()]
        return {"matcher": {"id": "byName", "options": self.title}, "properties": properties}


def share_bar(field: str, title: str, width: int = 170) -> Column:
    """A share from 0 to 1 as a bar in its cell; above 1 the bar is full and the number tells."""
    return Column(
        field, title, unit="percentunit", decimals=0, min=0, max=1, thresholds=HIGH_IS_GOOD,
        color={"mode": "thresholds"}, **({"custom__width": width} if width else {}),
        custom__cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
    )  # fmt: skip


def coloured(field: str, title: str, **properties: Any) -> Column:
    """Text in the colour of its thresholds or words."""
    return Column(field, title, custom__cellOptions={"type": "color-text"}, **properties)


def marked(field: str, title: str, mappings: Json | list[Json], **properties: Any) -> Column:
    """A word on the ground of its colour."""
    cell = {"type": "color-background", "mode": "basic"}
    return Column(field, title, mappings=mappings, custom__cellOptions=cell, custom__align="center", **properties)


def table(
    title: str,
    description: str,
    targets: Sequence[Json],
    columns: Sequence[Column],
    *,
    width: int = 24,
    height: int = 12,
    sort: Sequence[tuple[str, bool]] = (),
    pages: bool = False,
    **settings: Any,
) -> Json:
    """Rows that have their labels in common, one column a query; what is not named is left out.

    Args:
        title: the panel's title.
        description: what a row is.
        targets: the queries, with `table`.
        columns: the columns from left to right.
        width: in grid units.
        height: in grid units.
        sort: columns, and whether the highest is first.
        pages: whether there are pages instead of one long list.
        settings: as for `panel`.

    """
    organize = {
        "includeByName": {column.field: True for column in columns},
        "indexByName": {column.field: place for place, column in enumerate(columns)},
        "renameByName": {column.field: column.title for column in columns},
    }
    # Up to Grafana 12.1 the footer turns the pages on, later the option of its own.
    options = {
        "showHeader": True,
        "cellHeight": "sm",
        "enablePagination": pages,
        "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": "", "enablePagination": pages},
        "sortBy": [{"displayName": name, "desc": descending} for name, descending in sort],
    }
    return panel(
        "table", title, description, targets,
        width=width, height=height, options=options,
        overrides=[column.override for column in columns],
        custom={"align": "auto", "filterable": pages, "inspect": False},
        transformations=[{"id": "merge", "options": {}}, {"id": "organize", "options": organize}],
        **settings,
    )  # fmt: skip


def row(title: str) -> Json:
    """A heading."""
    place = {"w": 24, "h": 1, "x": 0, "y": 0}
    return {"type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def fixed_colour(name: str, colour: str, *, by: str = "byName", **custom: Any) -> Json:
    """An override that gives the series of a name one colour, and a style if need be."""
    properties: list[Json] = [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}]
    properties += [{"id": f"custom.{key}", "value": value} for key, value in custom.items()]
    return {"matcher": {"id": by, "options": name}, "properties": properties}


#: A line to be reached or not to be crossed.
DASHED: Json = {"lineStyle": {"fill": "dash", "dash": [8, 8]}, "lineWidth": 1, "fillOpacity": 0}
