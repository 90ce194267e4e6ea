"""The dashboard for Grafana asks for metrics that exist, with their labels."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import sockio_gevent as io
from sockio_gevent.ext.prometheus import Collector

DASHBOARD: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs/grafana.json").read_text()
)
PANELS = DASHBOARD["panels"]
ALWAYS = {"resource", "instance"}  # Prometheus itself adds the instance.


def metrics() -> dict[str, set[str]]:
    """The labels of all metrics."""
    listener = io.listen(lambda environ, start_response: [])
    return {
        sample.name: {*sample.labels, "instance"}
        for metric in Collector(listener).collect()
        for sample in metric.samples
    }


def expressions() -> list[tuple[str, str]]:
    return [(panel["title"], each["expr"]) for panel in PANELS for each in panel["targets"]]


@pytest.mark.parametrize(("title", "expression"), expressions())
def test_a_panel_asks_for_a_metric_that_exists_by_its_labels(title: str, expression: str) -> None:
    found = re.findall(r"(sockio_\w+)\{(.*?)\}", expression)
    assert len(found) == expression.count("sockio_") == 1
    ((name, selection),) = found
    labels = metrics()[name]
    selected = set(re.findall(r"(\w+)=", selection))
    grouped = set(re.findall(r"by \((\w+)\)", expression))
    assert selected >= ALWAYS
    assert selected | grouped <= labels
    assert ("rate(" in expression) == name.endswith("_total")
    assert expression.count("(") == expression.count(")")


def test_every_metric_has_a_panel() -> None:
    asked = {name for _, text in expressions() for name in re.findall(r"sockio_\w+", text)}
    assert asked == set(metrics())


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_is_complete(panel: dict[str, Any]) -> None:
    assert panel["type"] in ("stat", "timeseries")
    assert panel["description"].endswith(".")
    assert panel["datasource"]["uid"] == "${datasource}"
    for target in panel["targets"]:
        shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert shown <= set(re.findall(r"by \((\w+)\)", target["expr"]))


def test_panels_have_ids_and_places_of_their_own() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    places = [panel["gridPos"] for panel in PANELS]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )


def test_its_variables_are_labels_of_a_metric() -> None:
    datasource, *variables = DASHBOARD["templating"]["list"]
    assert (datasource["type"], datasource["query"]) == ("datasource", "prometheus")
    assert {variable["name"] for variable in variables} == ALWAYS
    for variable in variables:
        name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()  # type: ignore[union-attr]
        assert label in metrics()[name]
