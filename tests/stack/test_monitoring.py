"""The alert rules and the dashboard of docs/monitoring, against a real scrape."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from django.conf import settings
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from core.idempotency import OUTCOMES
from tests.world import buy, performer, person

FOLDER = Path(settings.BASE_DIR) / "docs" / "monitoring"
OPERATIONS = (FOLDER.parent / "operations.md").read_text(encoding="utf-8")
PANELS: list[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
ALERTS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
QUERIES = {
    **{f"panel {panel['title']} {target['refId']}": target["expr"] for panel in PANELS for target in panel["targets"]},
    **{f"alert {alert['alert']}": alert["expr"] for alert in ALERTS},
}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "gauge": ("",)}


def selectors(query: str) -> Iterator[Any]:
    """Each metric that a query selects, as the parser's node. Grafana's interval is replaced, as Grafana does."""
    nodes = [promql_parser.parse(query.replace("$__rate_interval", "1m"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, promql_parser.VectorSelector):
            yield node
        for name in ("lhs", "rhs", "expr", "vector_selector", "args"):
            below = getattr(node, name, None)
            nodes += below if isinstance(below, list) else [below] if below is not None else []


@pytest.fixture
def labels_by_metric(transactional_db: None) -> dict[str, set[str]]:
    """The labels of each metric in a scrape of a product that has been used."""
    buy(person(tokens=100), performer(), 10)
    client = Client()
    client.get("/livez")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").content.decode()):
        for suffix in SUFFIXES.get(family.type, ("",)):
            found.setdefault(family.name + suffix, set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_query_selects_metrics_that_a_scrape_has(labels_by_metric: dict[str, set[str]]) -> None:
    nodes = [(title, node) for title, query in QUERIES.items() for node in selectors(query)]
    unknown = [f"{title}: {node.name}" for title, node in nodes if node.name not in labels_by_metric]
    unknown += [
        f"{title}: {node.name} {matcher.name}={matcher.value}"
        for title, node in nodes
        for matcher in node.matchers.matchers
        if matcher.name not in labels_by_metric.get(node.name, ())
        or (matcher.name == "outcome" and matcher.value not in OUTCOMES)
    ]

    assert unknown == []
    assert len(nodes) > len(QUERIES) > 30


def test_an_unknown_metric_would_be_noticed(labels_by_metric: dict[str, set[str]]) -> None:
    [node] = selectors('rate(xxxchat_spins_total{outcome="done"}[$__rate_interval])')

    assert node.name not in labels_by_metric
    with pytest.raises(ValueError, match="parenthesis"):
        list(selectors("sum(rate(xxxchat_up"))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_says_what_it_means_and_operations_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["annotations"]["summary"]
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert f"`{alert['alert']}`" in OPERATIONS


def test_no_panel_lies_over_another() -> None:
    cells = [
        (x, y)
        for grid in (panel["gridPos"] for panel in PANELS)
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
