"""How the queues of a batch's buyers are read: by a look-up for each queue, never through the items of all queues."""

import asyncio
import re

import pytest

from core import pipelines
from perfqueue.services.lines import Asked

pytestmark = pytest.mark.django_db(transaction=True)
ASKED = "SELECT a.* FROM unnest(%(p)s::uuid[], %(b)s::uuid[]) WITH ORDINALITY AS a (performer_id, buyer_id, place)"


async def plan_without_nested_loops(sql: str) -> str:
    """The plan that statistics bring about for which joins through whole tables seem cheap."""
    opened = await pipelines.connected()
    try:
        await opened.execute("SET enable_nestloop = off")
        found = await opened.execute("EXPLAIN (GENERIC_PLAN) " + sql, prepare=False)
        return "\n".join([line for (line,) in await found.fetchall()])
    finally:
        await opened.close()


def test_open_items_are_looked_up_for_each_queue() -> None:
    read = Asked(ASKED, {}).read()

    plan = asyncio.run(plan_without_nested_loops(read.sql % {"p": "$1", "b": "$2"}))

    scan = r"on perfqueue_queueitem i(_\d+)? .*\n\s+(Index|Recheck) Cond: \(+performer_id = q(_\d+)?\.performer_id\)"
    assert re.search(scan, plan), plan
