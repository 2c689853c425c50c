"""Spins written past the machine: what a look or a marker needs of them, with ids that have settled."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from accounts.models import User
from core.clock import db_now
from core.ids import new_id
from slots.models import Aggregated, Paytable, Spin
from slots.services import counting
from slots.services.paytables import active_paytable
from slots.services.watching import watch

_PLANT = """
INSERT INTO slots_spin
SELECT p.id, p.user_id, p.nonce, p.at, 100, p.payout, 0, '{a,b,c}', %(paytable)s, %(digest)s, %(hash)s, %(hash)s, '',
       %(client)s, true, NULL, p.id, p.id, 100, p.payout, 100, p.payout, %(hash)s
  FROM unnest(%(ids)s::uuid[], %(users)s::uuid[], %(nonces)s::bigint[], %(times)s::timestamptz[], %(payouts)s::bigint[])
       AS p (id, user_id, nonce, at, payout)
"""


def plant(
    user: User | UUID,
    payouts: Sequence[int],
    *,
    nonce: int = 0,
    at: datetime | None = None,
    every: timedelta = timedelta(minutes=1),
    paytable: Paytable | None = None,
) -> list[UUID]:
    """Store one spin for each payout, the first at `at` (now unless given); return their ids."""
    table, start = paytable or active_paytable(), at or db_now()
    ids = [new_id() for _ in payouts]
    with connection.cursor() as cursor:
        cursor.execute(
            _PLANT,
            {
                "ids": ids,
                "users": [user if isinstance(user, UUID) else user.pk] * len(ids),
                "nonces": [nonce + place for place in range(len(ids))],
                "times": [start + every * place for place in range(len(ids))],
                "payouts": list(payouts),
                "paytable": table.pk,
                "digest": bytes(table.digest),
                "hash": bytes(32),
                "client": bytes(16),
            },
        )
    return ids


def count_all() -> None:
    """Say that every spin there is was counted, settled or not; days of play are left as they are."""
    newest = Spin.objects.order_by("-id").first()
    if newest is not None:
        Aggregated.objects.update_or_create(name=counting.NAME, defaults={"upto": newest.pk})


def watch_all() -> int:
    """Read every spin there is."""
    count_all()
    return watch()


def last_nonce(user: User) -> int:
    """The nonce of the player's newest spin."""
    return max(Spin.objects.filter(user_id=user.pk).values_list("nonce", flat=True))


def repeated(payouts: Iterable[tuple[int, int]]) -> list[int]:
    """Payouts, each so often as the number beside it says."""
    return [pay for pay, times in payouts for _ in range(times)]
