"""Stored spins of many players without playing them one by one: the real draw and chain, written by COPY.

`verify_spins` accepts them. The ledger's part of a spin is the caller's.
"""

import json
import secrets
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from core.ids import first_id_at
from slots.chain import genesis, link
from slots.draw import CLIENT_NONCE_BYTES, Draw, Table, commitment, draw, parse
from slots.sealing import fresh_seed, newest_key_id, seal

PLAYED = "SELECT id, canonical FROM slots_paytable WHERE status = 'active'"
SPIN = (
    "id", "user_id", "nonce", "at", "bet", "payout", "ticket", "symbols", "paytable_id", "paytable_digest", "seed",
    "next_commitment", "client_seed", "client_nonce", "client_nonce_drawn", "performer_id", "hold_id", "item_id",
    "balance_before", "balance_after", "staked_total", "paid_total", "chain",
)  # fmt: skip
STATE = (
    "user_id", "nonce", "commitment", "sealed_seed", "seed_key", "client_seed", "chain", "paytable_id",
    "staked_total", "paid_total", "last_spin_at", "session_started_at", "session_net", "session_nonce",
    "session_staked", "reality_at", "window_nonce", "window_at", "day_nonce", "day_at", "day_staked", "week_nonce",
    "week_at", "week_staked", "month_nonce", "month_at", "month_staked",
)  # fmt: skip
WINDOWS = (timedelta(hours=24), timedelta(days=7), timedelta(days=30))
VERSION_AND_VARIANT = (7 << 76) | (2 << 62)
RANDOM_BITS = (0xFFF << 64) | (2**62 - 1)
Row = Sequence[str | None]


@dataclass(frozen=True)
class Game:
    """The active paytable."""

    paytable_id: UUID
    table: Table

    @property
    def bet(self) -> int:
        return self.table.unit


@dataclass(frozen=True)
class Before:
    """A spin's nonce and time, and the points staked before it."""

    nonce: int
    at: datetime
    staked: int


@dataclass
class Player:
    """A player's slot state in memory: as it is before the next spin, whose seed is drawn already.

    ``recent``: the spins of the longest window before the last one, oldest first.
    """

    user_id: UUID
    nonce: int = 0
    seed: bytes = field(default_factory=fresh_seed)
    chain: bytes = b""
    staked: int = 0
    paid: int = 0
    last_net: int = 0
    recent: deque[Before] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.chain = self.chain or genesis(self.user_id)


def game_of(connection: Any) -> Game:
    """Read the active paytable. `connection`: psycopg's."""
    paytable_id, canonical = connection.execute(PLAYED).fetchone()
    return Game(paytable_id, parse(json.loads(canonical)))


def id_at(at: datetime) -> UUID:
    """Return a UUIDv7 made at that time."""
    return UUID(int=first_id_at(at).int | secrets.randbits(80) & RANDOM_BITS | VERSION_AND_VARIANT)


def drawn(player: Player, game: Game, client_nonce: bytes) -> Draw:
    """Draw the player's next spin."""
    return draw(game.table, seed=player.seed, nonce=player.nonce, client_seed="", client_nonce=client_nonce)


def client_nonce() -> bytes:
    return secrets.token_bytes(CLIENT_NONCE_BYTES)


def played(
    player: Player, game: Game, outcome: Draw, *, at: datetime, nonce: bytes, hold_id: UUID, item_id: UUID, before: int
) -> Row:
    """Move the player past a drawn spin; return its row. `before`: the balance in points that the bet is taken from."""
    next_seed = fresh_seed()
    player.recent.append(Before(player.nonce, at, player.staked))
    while player.recent[0].at <= at - WINDOWS[-1]:
        player.recent.popleft()
    player.staked, player.paid = player.staked + game.bet, player.paid + outcome.payout
    record: dict[str, Any] = {
        "id": str(id_at(at)),
        "user_id": str(player.user_id),
        "nonce": player.nonce,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "bet": game.bet,
        "payout": outcome.payout,
        "ticket": outcome.ticket,
        "symbols": list(outcome.symbols),
        "paytable_id": str(game.paytable_id),
        "paytable_digest": _hex(game.table.digest),
        "seed": _hex(player.seed),
        "next_commitment": _hex(commitment(next_seed)),
        "client_seed": "",
        "client_nonce": _hex(nonce),
        "client_nonce_drawn": True,
        "performer_id": None,
        "hold_id": str(hold_id),
        "item_id": str(item_id),
        "balance_before": before,
        "balance_after": before - game.bet + outcome.payout,
        "staked_total": player.staked,
        "paid_total": player.paid,
    }
    player.chain = link(player.chain, record)
    player.nonce, player.seed = player.nonce + 1, next_seed
    player.last_net = outcome.payout - game.bet
    record |= {"symbols": "{" + ",".join(outcome.symbols) + "}", "chain": _hex(player.chain)}
    return [None if record[name] is None else str(record[name]) for name in SPIN]


def write_spins(connection: Any, rows: Iterable[Row]) -> None:
    """Insert spins. Their partitions exist."""
    _copy(connection, "slots_spin", SPIN, rows)


def write_states(connection: Any, players: Iterable[Player], game: Game) -> None:
    """Insert the slot states of players who have none; each has spun, in an hour and a session of one spin."""
    _copy(connection, "slots_slotstate", STATE, (_state(player, game) for player in players))


def _state(player: Player, game: Game) -> Row:
    last = player.recent[-1]
    at = str(last.at)
    windows = [next(each for each in player.recent if each.at > last.at - length) for length in WINDOWS]
    return [
        str(player.user_id), str(player.nonce), _hex(commitment(player.seed)),
        _hex(seal(player.seed, user_id=player.user_id, nonce=player.nonce)), str(newest_key_id()), "",
        _hex(player.chain), str(game.paytable_id), str(player.staked), str(player.paid), at, at,
        str(player.last_net), str(last.nonce), str(game.bet), at, str(last.nonce), at,
        *(str(value) for first in windows for value in (first.nonce, first.at, first.staked)),
    ]  # fmt: skip


def _copy(connection: Any, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _hex(value: bytes) -> str:
    return "\\x" + value.hex()
