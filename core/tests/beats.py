"""A small command in batches, for tests: a heartbeat gets a row, once; its name says what goes wrong."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from core.batches import Batch, Command, KeyedRequest, Later, Row, Statement
from core.errors import Refused, Unauthenticated, ValidationFailed
from core.ids import new_id
from tests.world import ORIGIN

LOCK = """
SELECT name FROM core_heartbeat WHERE name = ANY (%(names)s::text[]) ORDER BY name FOR NO KEY UPDATE SKIP LOCKED
"""
WAIT = LOCK.replace(" SKIP LOCKED", "")
READ = "SELECT name FROM core_heartbeat WHERE name = ANY (%(names)s::text[])"
STORE = """
UPDATE core_heartbeat SET at = at + CASE WHEN name = 'broken' THEN name ELSE '1 second' END::interval
 WHERE name = ANY (%(names)s::text[])
"""
RECORD = "INSERT INTO core_heartbeat (name) SELECT unnest(%(names)s::text[]) ON CONFLICT DO NOTHING"


class Beats(Batch[str]):
    """Moves heartbeats on by a second. `no` is refused and `bad` a defect, `who` is nobody; `broken` fails in SQL."""

    operation: ClassVar[str] = "test.beat"
    sizes: ClassVar[list[int]] = []

    def load(self) -> Sequence[Statement]:
        self.sizes.append(len(self.requests))
        names = {"names": [request.input for request in self.requests]}
        return [Statement(WAIT if self.wait else LOCK, names), Statement(READ, names)]

    def take(self, found: Sequence[Sequence[Row]]) -> None:
        self.locked, self.there = ({row[0] for row in rows} for rows in found)
        self.beaten: list[str] = []

    def admit(self, place: int) -> None:
        if self.requests[place].input == "who":
            raise Unauthenticated

    def decide(self, place: int) -> Any:
        name = self.requests[place].input
        if name == "bad":
            raise ZeroDivisionError
        if name in self.there and name not in self.locked:
            raise Later
        if name not in self.there:
            raise ValidationFailed(name=[name])
        self.beaten.append(name)
        return {"name": name, "place": len(self.beaten)}

    def store(self) -> list[Statement]:
        beaten = sorted(set(self.beaten))
        return [Statement(STORE, {"names": beaten}, rows=len(beaten))]

    def record(self, refused: Sequence[tuple[int, Refused]]) -> Sequence[Statement]:
        names = [f"refused {self.requests[place].input}" for place, _ in refused]
        return [Statement(RECORD, {"names": names})]


BEAT = Command(batch=Beats, render=lambda result: result)


def beat(name: str, *, caller: UUID | None = None, key: str = "") -> KeyedRequest[str]:
    """A request of one caller, another one each time unless given."""
    return KeyedRequest(
        caller_id=caller or new_id(),
        claims=None,
        key=key or str(new_id()),
        fingerprint=name.encode().ljust(32, b"\0"),
        request_id=f"request-{name}",
        origin=ORIGIN,
        input=name,
    )
