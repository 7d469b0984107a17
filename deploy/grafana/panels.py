"""The kinds of panels that the dashboard is made of, and where they stand: Grafana's grid is 24 columns wide."""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GRID_WIDTH = 24

GREEN, YELLOW, RED = "green", "yellow", "red"


def steps(*later, first=GREEN):
    """Colours by value: `first` from below, then each (value, colour)."""
    return [{"color": first, "value": None}] + [{"color": colour, "value": value} for value, colour in later]


GOOD_IS_ONE = steps((1, GREEN), first=RED)
GOOD_IS_ZERO = steps((0.000001, RED))
PLAIN = steps()


def query(expression, legend="", instant=False):
    """One target. `legend` is what Grafana calls the series, with labels in double braces."""
    return {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": expression,
        "instant": instant,
        "range": not instant,
        "legendFormat": legend,
    }


def panel(kind, title, unit, description, targets, width, height, thresholds=PLAIN, **more):
    for letter, target in zip("ABCDEFGHIJ", targets, strict=False):
        target["refId"] = letter
    defaults = {"unit": unit, "thresholds": {"mode": "absolute", "steps": thresholds}, **more.pop("defaults", {})}
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": more.pop("overrides", [])},
        "targets": targets,
        "gridPos": {"w": width, "h": height},
        **more,
    }


def stat(title, unit, description, *targets, thresholds=PLAIN, mappings=(), width=4):
    """One number, or one for each series, with the colour of its threshold."""
    return panel(
        "stat", title, unit, description, list(targets), width, 4, thresholds,
        defaults={"mappings": list(mappings), "color": {"mode": "thresholds"}},
        options={
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "area",
            "textMode": "auto",
        },
    )


def lines(title, unit, description, *targets, stacked=False, width=12, floor=0):
    """Values over time, with the last and the largest of each in the legend."""
    custom = {
        "drawStyle": "line",
        "fillOpacity": 30 if stacked else 8,
        "showPoints": "never",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    return panel(
        "timeseries", title, unit, description, list(targets), width, 8,
        defaults={"custom": custom, "min": floor, "color": {"mode": "palette-classic"}},
        options={
            "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    )


def table(title, unit, description, columns, label, sort_by, width=24, height=9):
    """One row for each value of `label`; `columns` are (heading, unit, expression)."""
    targets = [query(expression, instant=True) | {"format": "table"} for _, _, expression in columns]
    letters = "ABCDEFGHIJ"[: len(columns)]
    headings = {f"Value #{letter}": heading for letter, (heading, _, _) in zip(letters, columns, strict=True)}
    overrides = [
        {"matcher": {"id": "byName", "options": heading}, "properties": [{"id": "unit", "value": unit}]}
        for heading, unit, _ in columns
    ]
    return panel(
        "table", title, unit, description, targets, width, height,
        defaults={"custom": {"align": "auto", "filterable": True}},
        overrides=overrides,
        options={"showHeader": True, "sortBy": [{"displayName": sort_by, "desc": True}]},
        transformations=[
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": {name: place for place, name in enumerate([label, *headings])},
                    "renameByName": headings,
                },
            },
        ],
    )


def words(title, description, markdown, width=24, height=6):
    """A text, for what no series can say."""
    return {
        "type": "text",
        "title": title,
        "description": description,
        "options": {"mode": "markdown", "content": markdown},
        "gridPos": {"w": width, "h": height},
    }


def row(title, *panels):
    heading = {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"w": GRID_WIDTH, "h": 1}}
    return [heading, *panels]


def laid_out(rows):
    """All panels in order, from left to right and from top to bottom, each with an id."""
    placed = []
    x = y = line = 0
    for one in [one for panels in rows for one in panels]:
        grid = one["gridPos"]
        if x + grid["w"] > GRID_WIDTH or one["type"] == "row":
            x, y, line = 0, y + line, 0
        grid |= {"x": x, "y": y}
        x, line = x + grid["w"], max(line, grid["h"])
        placed.append({"id": len(placed) + 1, **one})
    return placed


def variable(name, label, expression, only=None):
    """A choice among the values of a label: all of them at first, or `only` one."""
    choice = {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "query": {"query": expression, "refId": f"variable-{name}", "qryType": 1},
        "refresh": 2,
        "sort": 1,
    }
    if only:
        return choice | {"current": {"selected": True, "text": only, "value": only}}
    everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return choice | {"multi": True, "includeAll": True, "allValue": ".*", "current": everything}
