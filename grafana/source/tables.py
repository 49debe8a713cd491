"""Tables: one row for each set of labels, one column for each query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from palette import BLUE, DASHES, Json, steps
from panels import panel, query


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
        properties = [
            {"id": name, "value": value}
            for name, value in {"noValue": "-", **self.properties}.items()
            if value is not None
        ]
        return {"matcher": {"id": "byName", "options": self.title}, "properties": properties}


def number(ref: str, title: str, width: int, **properties: Any) -> Column:
    """Return a column of whole numbers."""
    return Column(f"Value #{ref}", title, **{"unit": "none", "decimals": 0, "custom__width": width} | properties)


def date(ref: str, title: str) -> Column:
    """Return a column of days, from milliseconds."""
    return Column(
        f"Value #{ref}",
        title,
        unit="time:YYYY-MM-DD",
        custom__width=105,
        custom__align="left",
        mappings=DASHES,
    )


def share_bar(ref: str, title: str, width: int, thresholds: Json | None = None) -> Column:
    """Return a column of shares, each a bar and a percentage; one colour without thresholds."""
    # A gradient goes through the colours of all thresholds below the value.
    mode = "basic" if thresholds else "gradient"
    return Column(
        f"Value #{ref}", title, unit="percentunit", decimals=0, min=0, max=1, custom__width=width or None, custom__minWidth=80,
        thresholds=thresholds or steps((None, BLUE)), color={"mode": "thresholds"},
        custom__cellOptions={"type": "gauge", "mode": mode, "valueDisplayMode": "text"}, mappings=DASHES,
    )  # fmt: skip


def coloured(field: str, title: str, width: int, **properties: Any) -> Column:
    """Return a column whose cells stand on the ground of the colour of their threshold or mapping."""
    cell = {"type": "color-background", "mode": "basic"}
    return Column(
        field, title, **{"custom__cellOptions": cell, "custom__width": width, "custom__align": "center"} | properties
    )


def wrapped(field: str, title: str, **properties: Any) -> Column:
    """Return a column of long names, on several lines where the table is narrow."""
    return Column(field, title, custom__wrapText=True, **properties)


def hidden(field: str, title: str, **properties: Any) -> Column:
    """Return a column that only links use. Grafana 12.1 and older hide it by `hidden`."""
    return Column(
        field,
        title,
        custom__hidden=True,
        custom__hideFrom={"viz": True, "legend": False, "tooltip": False},
        **properties,
    )


def table(
    title: str,
    description: str,
    queries: Mapping[str, str],
    columns: Sequence[Column],
    *,
    width: int = 24,
    height: int = 12,
    sort: Sequence[tuple[str, bool]] = (),
    pages: bool = False,
    **settings: Any,
) -> Json:
    """Return a table of rows that have their labels in common; fields that no column names are left out.

    Args:
        title: the panel's title.
        description: what a row is.
        queries: PromQL by letter.
        columns: the columns from left to right.
        width: in grid units.
        height: in grid units.
        sort: columns, and whether the highest is first.
        pages: whether there are pages instead of one long list.
        settings: as for `panel`.

    """
    # A single query's value is named otherwise; a second frame would only be there to name it.
    named = {
        column.field if len(queries) > 1 else column.field.replace("Value #A", "Value"): column for column in columns
    }
    organize = {
        "includeByName": dict.fromkeys(named, True),
        "indexByName": {field: place for place, field in enumerate(named)},
        "renameByName": {field: column.title for field, column in named.items()},
    }
    options = {
        "frameIndex": 0,
        "showHeader": True,
        "cellHeight": "sm",
        "enablePagination": pages,
        "sortBy": [{"displayName": name, "desc": descending} for name, descending in sort],
    }
    return panel(
        "table", title, description, [query(expr, ref=ref, table=True) for ref, expr in queries.items()],
        width=width, height=height, options=options,
        overrides=[column.override for column in columns],
        custom={"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False, "inspect": False},
        transformations=[{"id": "merge", "options": {}}, {"id": "organize", "options": organize}],
        **settings,
    )  # fmt: skip
