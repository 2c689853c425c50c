"""A defect for one person at each table that a batch writes: the others of the batch are answered."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection

import slots.services
from accounts.models import User
from accounts.tokens import issue
from core.db import rows
from escrow.models import Wallet
from menus.tests.factories import item_in, menu_of
from tests import world
from tests.equality.servers import Got, Pair, Sent, answer_to, ask, sent, signed
from tests.equality.waves import figures
from tests.equality.worlds import World
from tests.stack.processes import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]
BOTH = [
    "escrow_operation", "escrow_hold", "escrow_wallet", "escrow_entry", "perfqueue_queueitem", "perfqueue_transition",
    "live_event", "core_idempotencykey",
]  # fmt: skip
PEOPLE = 6
GUILTY = "request-of-the-guilty-one"
DEFECT = """
CREATE FUNCTION planted_defect() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW)::text ~ TG_ARGV[0] THEN
        RAISE EXCEPTION 'a planted defect';
    END IF;
    RETURN NEW;
END;
$$;
"""
WAITING = "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'commands' AND wait_event_type = 'Lock'"


@contextmanager
def defect(table: str, pattern: str) -> Iterator[None]:
    """Rows of this table that match the pattern cannot be written, until the end of the block."""
    with connection.cursor() as cursor:
        cursor.execute(DEFECT)
        cursor.execute(
            f"CREATE TRIGGER a_planted_defect BEFORE INSERT OR UPDATE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION planted_defect('{pattern}')"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION planted_defect() CASCADE")


@contextmanager
def keys_locked() -> Iterator[None]:
    """No batch gets past the reading of its keys."""
    with psycopg.connect(**connection.get_connection_params()) as holder:
        holder.execute("LOCK TABLE core_idempotencykey IN ACCESS EXCLUSIVE MODE")
        yield
        holder.rollback()


def together(port: int, first: Sent, others: Sequence[Sent]) -> list[Got]:
    """Send requests of which the first runs alone and the others in one batch after it; return their answers."""
    with keys_locked():
        links = [sent(port, first)]
        until(lambda: rows(WAITING)[0]["n"] == 1, within_s=10)
        links += [sent(port, each) for each in others]
        assert ask(port, Sent(method="GET", path="/livez", body=b"")).status == 200  # so it has read those before it
    return [answer_to(link) for link in links]


def request_of(who: User, path: str, body: bytes, request_id: str) -> Sent:
    return Sent(path=path, body=body, headers=signed(issue(who).access, **{"X-Request-Id": request_id}))


def assert_alone(pair: Pair, table: str, operation: str, path: str, body: bytes, people: Sequence[User]) -> None:
    """The one in the middle cannot be written in this table, and has an answer later; everybody else has one now."""
    requests = [request_of(who, path, body, f"request-{place}") for place, who in enumerate(people)]
    middle, guilty = len(people) // 2, people[len(people) // 2]
    requests[middle] = request_of(guilty, path, body, GUILTY)
    wallets = Wallet.objects.filter(owner=guilty).values_list("pk", flat=True)
    anything = "|".join(map(str, [GUILTY, guilty.pk, *wallets]))
    before, figures_before = World.now(), figures(pair.commands)

    with defect(table, anything):
        answers = together(pair.commands, requests[0], requests[1:])
    written, gone = before.written()
    retried = ask(pair.commands, requests[middle])

    statuses = [each.status for each in answers]
    assert statuses[middle] == 500, table
    assert {status for place, status in enumerate(statuses) if place != middle} <= {200, 201}, (table, statuses)
    assert not [row for row in (*written, *gone) if re.search(anything, row)], table
    assert retried.status in (200, 201), table
    grown = figures(pair.commands) - figures_before
    assert grown[f"batch_requests_count {operation}"] == 3, table  # the first, the others, the guilty one again
    assert grown[f"batch_requests_sum {operation}"] == len(people) + 1, table


@pytest.mark.parametrize("table", [*BOTH, "slots_spin", "slots_slotstate"])
def test_a_spin_that_cannot_be_written_is_that_players_alone(pair: Pair, table: str) -> None:
    people = [world.person(points=1_000) for _ in range(PEOPLE)]
    for who in people:
        slots.services.fairness(user=who)

    assert_alone(pair, table, "slots.spin", "/api/v1/slot-machine/spin", b'{"betAmount": 100}', people)


@pytest.mark.parametrize("table", [*BOTH, "menus_purchase"])
def test_a_purchase_that_cannot_be_written_is_that_buyers_alone(pair: Pair, table: str) -> None:
    song = item_in(menu_of(world.performer()), "A song", 40)
    people = world.people(PEOPLE, tokens=100)

    path = f"/api/v1/menus/items/{song.pk}/purchase"
    assert_alone(pair, table, "menus.purchase", path, b'{"expectedPrice": 40}', people)
