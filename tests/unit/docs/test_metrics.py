"""docs/metrics.md, the alert rules and the dashboard name what there is, and nothing else."""

import json
import re
from typing import Any

import pytest
import yaml

from app import lifecycle
from app.notifications.conditions import KINDS
from app.stats import latency, outcomes, totals
from app.web.metrics import FAMILIES
from tests.support.databases import ROOT

DOCS = ROOT / "docs"
TEXT = (DOCS / "metrics.md").read_text()
TROUBLESHOOTING = (DOCS / "troubleshooting.md").read_text()
ROW = re.compile(r"^\| `(hookonce_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)
ALERTS = yaml.safe_load((DOCS / "monitoring" / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((DOCS / "monitoring" / "dashboard.json").read_text())
PANELS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
LABELS = re.compile(r'(\w+)(?:=~|!=|=)"')
GROUPED = re.compile(r"\b(?:by|on|ignoring) \(([^)]*)\)")


def test_every_metric_is_listed_with_its_type_and_labels_in_order() -> None:
    listed = [
        (name, kind, tuple(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in ROW.findall(TEXT)
    ]

    assert listed == [(name, family.kind, family.labels) for name, family in FAMILIES.items()]


def test_every_value_of_a_label_is_listed() -> None:
    words = [
        outcome.partition("_")[2]
        for outcome in (*outcomes.ALL, *outcomes.ATTEMPTS)
        if outcome.startswith(("refused_", "error_", "attempt_"))
    ]

    assert not [word for word in words if f"`{word}`" not in TEXT]
    assert f"{totals.LOOKED_THROUGH:,}" in TEXT


@pytest.mark.parametrize("expression", [*PANELS, *(rule["expr"] for rule in ALERTS)])
def test_an_expression_names_metrics_and_labels_that_there_are(expression: str) -> None:
    names = {_family(name) for name in re.findall(r"hookonce_\w+", expression)}
    labels = {*LABELS.findall(expression)}
    labels |= {each.strip() for group in GROUPED.findall(expression) for each in group.split(",")}

    assert names
    assert names <= FAMILIES.keys()
    assert labels <= {label for name in names for label in FAMILIES[name].labels} | {"job", "le"}
    assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize("expression", [*PANELS, *(rule["expr"] for rule in ALERTS)])
def test_an_expression_asks_for_values_that_there_are(expression: str) -> None:
    known = {word.partition("_")[2] for word in (*outcomes.ALL, *outcomes.ATTEMPTS)}
    known |= {"hookonce", "none", "held", "mismatch", *lifecycle.REASONS}

    for values in re.findall(r'=~?"([^"]*)"', expression):
        assert set(values.split("|")) <= known


def test_every_metric_can_be_seen_or_wakes_someone() -> None:
    used = {_family(name) for text in PANELS for name in re.findall(r"hookonce_\w+", text)}

    assert used == FAMILIES.keys()


def test_each_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in ALERTS:
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)


def test_each_alert_is_of_one_job_and_leads_to_its_section() -> None:
    sections = re.findall(r"^## (\w+)$", TROUBLESHOOTING, re.M)

    for rule in ALERTS:
        name = rule["alert"]
        page, _, anchor = rule["annotations"]["runbook_url"].partition("/docs/troubleshooting.md#")
        assert page == "{{ $externalLabels.hookonce_docs }}"
        assert name in sections
        assert anchor == name.lower()
        assert "job" in rule["expr"]
    bare = [rule["alert"] for rule in ALERTS if re.search(r"\b(max|min|sum)\(", rule["expr"])]
    assert bare == []


def test_each_notification_has_its_section() -> None:
    named = re.findall(r"^## \w+\nNotification: `(\w+)`\.$", TROUBLESHOOTING, re.M)

    assert sorted(named) == sorted(KINDS)


def test_panels_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]

    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    assert not [
        (one, other)
        for one in places
        for other in places
        if one is not other and _overlap(one, other)
    ]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)


def test_the_example_in_the_text_asks_for_a_bound_that_there_is() -> None:
    bounds = {bound for bound, _ in latency.cumulative({})}

    assert set(re.findall(r'le="([^"]*)"', TEXT)) <= bounds


def _family(name: str) -> str:
    plain = re.sub(r"_(bucket|count|sum)$", "", name)
    return plain if plain in FAMILIES else name


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )
