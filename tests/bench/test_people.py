"""The people of the bench and their past, written by COPY and by the ledger's functions, satisfy every proof."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connection, transaction
from psycopg.conninfo import make_conninfo

import loyalty.services
import slots.services
from bench import elsewhere, past, people
from bench.past import MONTHS, PARTITIONS, YEAR, Part
from bench.redraw import drawn, wrong_draws
from bench.spins import Game, Player
from bench.world import Room
from core.db import rows
from core.ids import first_id_at
from tests.ledger import assert_ledger_adds_up


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo what the block writes, partitions included."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def stored_spins() -> int:
    return int(rows("SELECT count(*) AS number FROM slots_spin")[0]["number"])


@pytest.mark.django_db
def test_every_buyer_has_money_a_token_and_one_spin_that_the_proofs_accept() -> None:
    with rolled_back():
        world = people.make(buyers=12, performers=2)

        assert_ledger_adds_up()
        assert slots.services.verify() == []
        assert stored_spins() == len(set(world.tokens)) == 12
        assert len({room.item for room in world.rooms}) == 2
        held = rows("SELECT available, held FROM escrow_wallet WHERE currency = 'TOKEN' AND available > 0")
        assert held == [{"available": people.START, "held": 0}] * 12


@pytest.mark.django_db
def test_every_buyer_can_be_linked_to_a_member_of_redroomrewards() -> None:
    with rolled_back():
        world = people.make(buyers=12, performers=0)

        links = rows(elsewhere.LINK)

        assert len({link["member_id"] for link in links}) == len(set(world.tokens)) == 12
        assert all(loyalty.services.link_of(UUID(link["user_id"])).linked for link in links)
        assert rows(elsewhere.BOOKS) == [{"coalesce": 0, "count": 0}]
        assert rows(elsewhere.ON_THEIR_WAY) == [{"?column?": 0}]


@pytest.mark.django_db
def test_a_past_is_spread_over_the_year_and_the_proofs_accept_it() -> None:
    def write(*, players: Sequence[Player], rooms: Sequence[Room], game: Game) -> Sequence[Player]:
        past.write_part(Part(players, [room.performer for room in rooms], spins=50, items=25), game)
        return players

    with rolled_back():
        with connection.cursor() as cursor:
            cursor.execute(PARTITIONS, [first_id_at(datetime.now(UTC) - YEAR), MONTHS])
        world = people.make(buyers=7, performers=3, past=write)

        assert_ledger_adds_up()
        assert slots.services.verify() == []
        assert stored_spins() == 50 + 7
        months = rows("SELECT DISTINCT date_trunc('month', at) AS month FROM slots_spin")
        assert len(months) >= 12
        items = rows("SELECT id, performer_id, turn FROM perfqueue_queueitem WHERE state = 'finished' AND turn > 0")
        by_performer = Counter(item["performer_id"] for item in items)
        assert set(by_performer) == {room.performer for room in world.rooms}
        assert sorted(by_performer.values()) == [8, 8, 9]
        steps = rows("SELECT item_id, from_state, to_state FROM perfqueue_transition ORDER BY item_id, at")
        of_one = [(step["from_state"], step["to_state"]) for step in steps if step["item_id"] == items[0]["id"]]
        assert of_one == [("", "created"), ("created", "started"), ("started", "finished")]


@pytest.mark.django_db
def test_the_stand_alone_draw_finds_the_spins_right_and_a_changed_record_wrong() -> None:
    people.make(buyers=20, performers=1)
    facts = connection.settings_dict
    address = make_conninfo(
        host=facts["HOST"], port=facts["PORT"], user=facts["USER"], password=facts["PASSWORD"], dbname=facts["NAME"]
    )

    assert wrong_draws(address) == 0

    spins = rows(
        "SELECT nonce, seed, client_seed, client_nonce, paytable_digest, ticket, symbols, payout FROM slots_spin"
    )
    (table,) = rows("SELECT canonical FROM slots_paytable WHERE status = 'active'")
    for spin in spins:
        *record, ticket, symbols, payout = spin.values()
        assert drawn(json.loads(table["canonical"]), *record) == (ticket, symbols, payout)
        assert drawn(json.loads(table["canonical"]), record[0] + 1, *record[1:]) != (ticket, symbols, payout)
    assert len(spins) == 20
