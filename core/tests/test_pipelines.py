"""The connection of batches: how it plans."""

import asyncio
from collections.abc import Sequence

import pytest

from core import pipelines
from core.batches import KNOWN

pytestmark = pytest.mark.django_db(transaction=True)


async def generic_plan(sql: str) -> str:
    """The plan for any parameters that a batch's connection makes of a statement."""
    opened = await pipelines.connected()
    try:
        found = await opened.execute("EXPLAIN (GENERIC_PLAN) " + sql, prepare=False)
        return "\n".join([line for (line,) in await found.fetchall()])
    finally:
        await opened.close()


def test_a_plan_made_while_a_table_is_empty_reads_by_index() -> None:
    plan = asyncio.run(generic_plan(KNOWN % {"callers": "$1", "keys": "$2", "operation": "$3"}))

    (condition,) = (line for line in plan.splitlines() if "Index Cond" in line)
    assert "core_key_once" in plan
    assert all(column in condition for column in ("caller", "operation", "key")), plan
    assert "Seq Scan" not in plan
    assert "Join Filter" not in plan


async def plans_of(sql: str, params: Sequence[list[str]]) -> tuple[int, int]:
    """How often a batch's connection has used the plan for any parameters, and one for these alone."""
    opened = await pipelines.connected()
    try:
        for each in params:
            await opened.execute(sql, [each], prepare=True)
        found = await opened.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE '%core_heartbeat%'",
            prepare=False,
        )
        ((generic, custom),) = await found.fetchall()
        return generic, custom
    finally:
        await opened.close()


def test_a_statement_is_planned_once_for_all_parameters() -> None:
    named = "SELECT name FROM core_heartbeat WHERE name = ANY (%s::text[])"

    assert asyncio.run(plans_of(named, [["a"], ["a", "b"], ["a", "b", "c"]])) == (3, 0)
