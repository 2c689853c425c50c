"""The queue alone settles, refunds and awards: a feature names none of the ledger's functions that do."""

import ast
from pathlib import Path

import pytest
from django.conf import settings

import escrow.services

SETTLING = {"close_many", "settle_instants", "award_many"}


def named(feature: str) -> set[str]:
    """Every name and attribute in a feature's code, its tests aside."""
    found = set()
    for path in (Path(settings.BASE_DIR) / feature).rglob("*.py"):
        if "tests" not in path.parts:
            nodes = list(ast.walk(ast.parse(path.read_text())))
            found |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
            found |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    return found


@pytest.mark.parametrize("feature", ["slots", "menus"])
def test_features_settle_nothing(feature: str) -> None:
    assert named(feature).isdisjoint(SETTLING)


def test_the_names_are_those_that_the_queue_uses() -> None:
    assert named("perfqueue") >= SETTLING
    assert set(escrow.services.__all__) >= SETTLING
