"""Detaching old months: at most 20 partitions of spins stay attached, this month's, the 17 before it, two to come.

A month is detached once its archive has been replayed without defects, just before. Its table is kept in the schema
`archived` or dropped, as the setting `DETACHED_SPINS` says; where the players' spins in it end stays
(`ArchivedPlayer`), so that chains, totals and proofs go on across the border.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection

from accounts.models import User
from core.db import command, rows, translated
from core.errors import QueueBusy
from core.ids import new_id
from slots.models import Archive, ArchivedPlayer
from slots.services.archives import replay_archive
from slots.services.archiving import month_after, month_of

MONTHS_BEFORE = 17
log = structlog.get_logger()
_OWNS = "SELECT pg_has_role(relowner, 'USAGE') AS owns FROM pg_class WHERE oid = 'slots_spin'::regclass"
_DETACHABLE = "SELECT slots_detachable(p_now_id => %(now_id)s, p_month => %(month)s) AS is_attached"
_DETACH = "SELECT slots_detach_partition(p_now_id => %(now_id)s, p_month => %(month)s, p_keep => %(keep)s)"
_PENDING = """
SELECT i.inhdetachpending AS pending FROM pg_inherits i WHERE i.inhrelid = to_regclass(%s)
"""


def detach_months() -> list[date]:
    """Detach the months that are too old, oldest first; return them. Stops at one whose archive has defects.

    As the owner of the table a month is detached concurrently, and spins go on meanwhile. As another role the database
    does it in one transaction, which holds up spins while it waits for those that run, a second at most: if it was not
    let in by then the month waits for the next round.
    """
    done: list[date] = []
    for archive in Archive.objects.filter(detached_at=None, month__lt=oldest_attached()).order_by("month"):
        if replay_archive(archive):
            break
        try:
            _detach(archive.month)
        except QueueBusy:
            log.warning("detaching_waits", month=f"{archive.month:%Y-%m}")
            break
        log.info("detached", month=f"{archive.month:%Y-%m}", kept=settings.DETACHED_SPINS == "keep")
        done.append(archive.month)
    return done


def oldest_attached() -> date:
    """Return the first month that stays attached, by the clock of ids."""
    now = month_of(new_id())
    months = now.year * 12 + now.month - 1 - MONTHS_BEFORE
    return date(months // 12, months % 12 + 1, 1)


def detached_before() -> date | None:
    """Return the first day of the first month that is still attached after those that were detached; None without any.

    One statement.
    """
    last = Archive.objects.filter(detached_at__isnull=False).order_by("month").last()
    return month_after(last.month) if last else None


def is_detached(spin_id: UUID) -> bool:
    """Return whether the month of a spin's id was detached (one statement)."""
    return Archive.objects.filter(month=month_of(spin_id), detached_at__isnull=False).exists()


def archived_end(user: User) -> ArchivedPlayer | None:
    """Return where the player's detached spins end; None if none was detached (one statement)."""
    return ArchivedPlayer.objects.filter(user_id=user.id).first()


def archived_ends(user_ids: Sequence[UUID]) -> Mapping[UUID, ArchivedPlayer]:
    """Return the same of several players, of those who have any (one statement)."""
    return ArchivedPlayer.objects.in_bulk(user_ids)


def _detach(month: date) -> None:
    asked = {"now_id": new_id(), "month": month, "keep": settings.DETACHED_SPINS == "keep"}
    if rows(_OWNS)[0]["owns"] and command(lambda: _unhurried(_DETACHABLE, asked))[0]["is_attached"]:
        _detach_concurrently(f"slots_spin_{month:%Y%m}")
    command(lambda: _unhurried(_DETACH, asked))


def _unhurried(sql: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a statement that reads a whole month, in the open transaction; locks are waited for a second."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL lock_timeout = '1s'")
    return rows(sql, asked)


def _detach_concurrently(name: str) -> None:
    """Detach a partition without holding up spins, unless an attempt before was interrupted: that is finished later.

    No transaction is open: PostgreSQL commits in between.
    """
    if not rows(_PENDING, [name])[0]["pending"]:
        with translated(), connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE slots_spin DETACH PARTITION {name} CONCURRENTLY")
