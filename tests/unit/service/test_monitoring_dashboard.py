"""The dashboard: its structure, its layout and its queries."""

import re
from collections import Counter
from itertools import groupby

import pytest
import yaml
from support.prometheus import dashboard, dashboard_queries, promtool

PANELS = dashboard()["panels"]
COLUMNS = 24
UNITS = {"none", "short", "s", "h", "bytes", "reqps", "suffix: cores"}
each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])


def squares(panel):
    """Return the squares of the grid that a panel takes, as (row, column)."""
    place = panel["gridPos"]
    rows, columns = range(place["y"], place["y"] + place["h"]), range(place["x"], place["x"] + place["w"])
    return [(row, column) for row in rows for column in columns]


def test_grafana_can_import_it():
    document = dashboard()
    assert {"uid", "title", "schemaVersion", "panels", "templating", "time", "refresh"} <= document.keys()
    assert 39 <= document["schemaVersion"] <= 42  # Grafana 11 to 12
    assert "id" not in document  # of one server's database
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


def test_the_variables_choose_the_data_source_the_queue_and_the_box():
    variables = {variable["name"]: variable for variable in dashboard()["templating"]["list"]}
    assert list(variables) == ["DS_PROMETHEUS", "job", "instance"]
    assert (variables["DS_PROMETHEUS"]["type"], variables["DS_PROMETHEUS"]["query"]) == ("datasource", "prometheus")
    for name in ("job", "instance"):
        assert variables[name]["includeAll"]
        assert variables[name]["multi"]
        assert variables[name]["query"]["query"] == variables[name]["definition"]


@each_panel
def test_a_panel_says_what_it_shows_in_which_unit(panel):
    assert panel["type"] in {"stat", "table", "timeseries"}
    assert re.fullmatch(r"[A-Z].*\.", panel["description"])
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert [target["refId"] for target in panel["targets"]] == ["A", "B"][: len(panel["targets"])]


@each_panel
def test_a_panel_reads_the_chosen_data_source_queue_and_boxes(panel):
    chosen = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
    assert panel["datasource"] == chosen
    for target in panel["targets"]:
        assert target["datasource"] == chosen
        selectors = re.findall(r"\{([^}]*)\}", target["expr"])
        assert selectors
        assert all('job=~"$job", instance=~"$instance"' in selector for selector in selectors)


@each_panel
def test_a_panel_colours_only_what_it_shows(panel):
    shown = {target["legendFormat"] for target in panel["targets"]}
    for override in panel["fieldConfig"]["overrides"]:
        assert override["matcher"]["options"] in shown or "{{state}}" in shown


def test_the_panels_fill_the_grid_without_overlap():
    taken = Counter(square for panel in PANELS for square in squares(panel))
    rows = {row for row, _ in taken}
    assert set(taken.values()) == {1}
    assert rows == set(range(len(rows)))
    assert len(taken) == COLUMNS * len(rows)
    assert max(column for _, column in taken) == COLUMNS - 1


def test_the_panels_of_a_row_have_one_height():
    """Grafana stacks the panels of a row on a phone, in this order."""
    places = [panel["gridPos"] for panel in PANELS]
    assert places == sorted(places, key=lambda place: (place["y"], place["x"]))
    for _, row in groupby(places, key=lambda place: place["y"]):
        assert len({place["h"] for place in row}) == 1


def test_promtool_parses_every_query(tmp_path):
    rules = [{"record": f"query:{number}", "expr": text} for number, text in enumerate(dashboard_queries().values())]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", tmp_path / "rules.yaml")
