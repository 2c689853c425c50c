"""A past of a year: spins of many players, and items that were performed and paid, in as many processes as cores.

Spins are real draws, linked and written by COPY (bench.spins). Items take every step of the life cycle, so that each
guard and constraint is met: held and settled by the ledger's functions, in lists of one item per performer.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from bench import spins
from bench.spins import Game, Player, id_at
from bench.world import Room
from core.ids import first_id_at

if TYPE_CHECKING:
    from escrow.services.operations import Close, HoldRequest

YEAR = timedelta(days=365)
MONTHS = 13
ROWS_A_COPY = 50_000
LISTS_A_COMMIT = 20
BALANCE = 1_000_000
PRICE, SONG_S = 10, 60
PARTITIONS = "SELECT slots_make_partitions(p_now_id => %s, p_months => %s)"
ENTERED = """
INSERT INTO perfqueue_queueitem (id, performer_id, user_id, hold_id, tokens, currency, title, description, duration_s,
    fulfilment, source_feature, idempotency_key, source_event_id, metadata, award, fee_bps, state, turn, created_at,
    max_wait_at, cause, reason, third_noticed, next_noticed)
SELECT t.item, t.performer, t.buyer, t.hold, %(price)s, 'TOKEN', 'A song', '', %(song_s)s, 'performed', 'menus',
       t.item::text, '', '{}', 0, 0, 'created', q.next_turn, %(at)s, %(at)s + interval '4 hours', '', '', true, true
  FROM unnest(%(items)s::uuid[], %(performers)s::uuid[], %(buyers)s::uuid[], %(holds)s::uuid[])
       AS t(item, performer, buyer, hold)
  JOIN perfqueue_performerqueue q ON q.performer_id = t.performer
"""
TURNED = "UPDATE perfqueue_performerqueue SET next_turn = next_turn + 1 WHERE performer_id = ANY (%(performers)s)"
STARTED = """
UPDATE perfqueue_queueitem SET state = 'started', started_at = %(started)s, deadline_at = %(ended)s
 WHERE id = ANY (%(items)s)"""
FINISHED = """
UPDATE perfqueue_queueitem SET state = 'finished', ended_at = %(ended)s, settle_tokens = tokens, refund_tokens = 0
 WHERE id = ANY (%(items)s)"""
STEPPED = """
INSERT INTO perfqueue_transition (id, item_id, from_state, to_state, cause, reason, request_id, at)
SELECT t.id, t.item, s.from_state, s.to_state, '', '', '', s.at
  FROM (VALUES (1, '', 'created', %(at)s::timestamptz), (2, 'created', 'started', %(started)s),
               (3, 'started', 'finished', %(ended)s)) AS s(place, from_state, to_state, at)
  JOIN unnest(%(steps)s::uuid[], %(step_items)s::uuid[], %(places)s::integer[]) AS t(id, item, place)
    ON t.place = s.place
"""


@dataclass(frozen=True)
class Part:
    """One process's share of the past: its players and performers are nobody else's."""

    players: Sequence[Player]
    performers: Sequence[UUID]
    spins: int
    items: int


def write(
    environment: Mapping[str, str],
    database_url: str,
    *,
    players: Sequence[Player],
    rooms: Sequence[Room],
    game: Game,
    spins: int,
    items: int,
) -> Sequence[Player]:
    """Write that many spins and items, spread over the last year; return the players as they are after them.

    `database_url`: the owner's, who makes the partitions of the year.
    """
    with closing(psycopg.connect(database_url, autocommit=True)) as owner:
        owner.execute(PARTITIONS, [first_id_at(datetime.now(UTC) - YEAR), MONTHS])
    number = min(os.cpu_count() or 1, len(rooms), len(players))
    parts = [
        Part(
            players[place::number],
            [room.performer for room in rooms[place::number]],
            spins // number + (place < spins % number),
            items // number + (place < items % number),
        )
        for place in range(number)
    ]
    with ProcessPoolExecutor(number, mp_context=get_context("spawn")) as pool:
        done = pool.map(_write_part, [dict(environment)] * number, parts, [game] * number)
        return [player for some in done for player in some]


def _write_part(environment: Mapping[str, str], part: Part, game: Game) -> Sequence[Player]:
    os.environ |= environment
    import django

    django.setup()
    from django.db import connection

    write_part(part, game)
    connection.close()
    return part.players


def write_part(part: Part, game: Game) -> None:
    """Write a share of the past through Django's connection; moves its players on."""
    from django.db import connection

    connection.ensure_connection()
    rows = _spun(part, game)
    while some := list(islice(rows, ROWS_A_COPY)):
        spins.write_spins(connection.connection, some)
    _perform(part)


def _spun(part: Part, game: Game) -> Iterator[spins.Row]:
    """Yield spins of one player after the other, in the order of time."""
    for player, at in zip(cycle(part.players), _moments(part.spins), strict=False):
        nonce = spins.client_nonce()
        outcome = spins.drawn(player, game, nonce)
        yield spins.played(
            player, game, outcome, at=at, nonce=nonce, hold_id=id_at(at), item_id=id_at(at), before=BALANCE
        )


def _moments(number: int) -> Iterator[datetime]:
    """Yield so many times of the last year, the last of them days ago."""
    first, step = datetime.now(UTC) - YEAR, (YEAR - timedelta(days=3)) / max(number, 1)
    return (first + step * place for place in range(number))


def _perform(part: Part) -> None:
    """Hold, perform and settle one item of each performer at a time, until all items are done."""
    from core.db import joined

    buyers, left = cycle([player.user_id for player in part.players]), part.items
    moments = _moments(-(-part.items // len(part.performers)))
    while some := list(islice(moments, LISTS_A_COMMIT)):
        with joined():
            for at in some:
                performers = part.performers[:left]
                _perform_list(performers, list(islice(buyers, len(performers))), at)
                left -= len(performers)


def _perform_list(performers: Sequence[UUID], buyers: Sequence[UUID], at: datetime) -> None:
    from django.db import connection

    from escrow.services.operations import close_many, hold_many

    items, holds = [id_at(at) for _ in performers], [id_at(at) for _ in performers]
    _assert_done(hold_many(_requests(performers, buyers, items, holds)))
    facts: dict[str, Any] = {
        "items": items, "performers": performers, "buyers": buyers, "holds": holds, "price": PRICE, "song_s": SONG_S,
        "at": at, "started": at + timedelta(seconds=SONG_S), "ended": at + timedelta(seconds=2 * SONG_S),
        "steps": [id_at(at) for _ in range(3 * len(items))], "step_items": items * 3,
        "places": [place for place in (1, 2, 3) for _ in items],
    }  # fmt: skip
    with connection.cursor() as cursor:
        for statement in (ENTERED, TURNED, STARTED, FINISHED, STEPPED):
            cursor.execute(statement, facts)
    _assert_done(close_many(_closes(items, holds)))


def _requests(
    performers: Sequence[UUID], buyers: Sequence[UUID], items: Sequence[UUID], holds: Sequence[UUID]
) -> list["HoldRequest"]:
    from escrow.services import Currency, HoldRequest, Payee

    return [
        HoldRequest(hold, str(item), buyer, Payee(performer), Currency.TOKEN, PRICE, "menus")
        for performer, buyer, item, hold in zip(performers, buyers, items, holds, strict=True)
    ]


def _closes(items: Sequence[UUID], holds: Sequence[UUID]) -> list["Close"]:
    from escrow.services import Close

    return [Close(str(item), hold, PRICE, 0) for item, hold in zip(items, holds, strict=True)]


def _assert_done(results: Sequence[Any]) -> None:
    """Raise RuntimeError if the ledger refused one of a list."""
    if codes := {each.code for each in results if each.code is not None}:
        raise RuntimeError(f"The ledger refused: {codes}.")
