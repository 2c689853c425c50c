"""Files with one's own data: asked for, made in parts by a worker, kept for a day (ADR 0092).

Reading everything about a person takes longer than a transaction may. A worker therefore claims an export, and each
part is a transaction of its own that goes through only while that claim holds: of two workers one writes, and an
erasure, which ends the export, ends the writing too.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q, QuerySet

from accounts.errors import ExportEnded, ExportGone
from accounts.models import Export, ExportPart, ExportState, User
from accounts.services import throttling
from accounts.services.people import locked
from core.clock import db_now
from core.db import joined

KEPT = timedelta(days=1)
"""How long a file can be downloaded."""
LEASE = timedelta(minutes=2)
"""After so long without a new part another worker may begin again."""
MOST_ATTEMPTS = 5
MOST_AT_ONCE = 500
MAKING = Q(state=ExportState.MAKING)
READY = Q(state=ExportState.READY)


@dataclass(frozen=True)
class ExportView:
    """The newest export of a person. `size_bytes` is that of the file; `until` is None unless it is ready."""

    state: str
    asked_at: datetime
    until: datetime | None
    size_bytes: int
    sections_done: int
    sections: int


@dataclass(frozen=True)
class Claim:
    """An export that one worker makes, in this attempt only."""

    export_id: UUID
    user: User
    attempt: int


def export_of(user_id: UUID) -> ExportView | None:
    """Return the newest export of this person, None without one (one statement).

    A file whose time is over is gone, also while its parts are still there.
    """
    row = Export.objects.filter(user_id=user_id).order_by("-id").first()
    if row is None:
        return None
    is_over = row.state == ExportState.READY and row.until is not None and row.until <= db_now()
    return ExportView(
        state=ExportState.GONE if is_over else row.state,
        asked_at=row.asked_at,
        until=row.until if row.state == ExportState.READY else None,
        size_bytes=row.size_bytes,
        sections_done=row.sections_done,
        sections=row.sections,
    )


def ask_export(user_id: UUID) -> bool:
    """Note that a person wants a file with their data; return False while one is being made. Locks the account's row.

    The caller has no transaction open, and wakes a worker afterwards.

    Raises:
        Throttled: five within the hour; nothing was written.
    """
    if Export.objects.filter(MAKING, user_id=user_id).exists():
        return False
    throttling.count(throttling.EXPORTS, user_id)
    with joined():
        user = locked(user_id)
        if Export.objects.filter(MAKING, user=user).exists():
            return False
        Export.objects.create(user=user)
        return True


def claim_export() -> Claim | None:
    """Claim the oldest export that nobody makes, None if there is none. Locks its row; what others lock is left out.

    Parts of an earlier attempt are deleted. After `MOST_ATTEMPTS` an export has failed.
    """
    with joined():
        now = db_now()
        free = Export.objects.filter(MAKING, Q(taken_at=None) | Q(taken_at__lt=now - LEASE)).order_by("id")
        for row in free.select_related("user").select_for_update(skip_locked=True, of=("self",))[:MOST_AT_ONCE]:
            ExportPart.objects.filter(export=row).delete()
            if row.attempts >= MOST_ATTEMPTS:
                Export.objects.filter(pk=row.pk).update(state=ExportState.FAILED)
                continue
            begun = {"attempts": row.attempts + 1, "taken_at": now, "sections_done": 0, "sections": 0, "size_bytes": 0}
            Export.objects.filter(pk=row.pk).update(**begun)
            return Claim(row.pk, row.user, row.attempts + 1)
        return None


def add_part(claim: Claim, *, number: int, data: bytes, sections_done: int, sections: int) -> None:
    """Store the next part of a file. Locks the export's row.

    Raises:
        ExportEnded: another worker makes it, or it has ended; nothing was written.
    """
    with joined():
        facts = {"taken_at": db_now(), "sections_done": sections_done, "sections": sections}
        if not _claimed(claim).update(**facts, size_bytes=F("size_bytes") + len(data)):
            raise ExportEnded
        ExportPart.objects.create(export_id=claim.export_id, number=number, data=zlib.compress(data))


def finish_export(claim: Claim) -> datetime:
    """Say that a file is whole; return until when it is kept. A file made earlier goes.

    Locks the account's row, then the person's exports.

    Raises:
        ExportEnded: another worker makes it, or it has ended; nothing was written.
    """
    with joined():
        user, now = locked(claim.user.pk), db_now()
        _end(Export.objects.filter(READY, user=user))
        until = now + KEPT
        if not _claimed(claim).update(state=ExportState.READY, ready_at=now, until=until):
            raise ExportEnded
        return until


def end_exports() -> int:
    """Delete the files whose time is over; return how many. Locks their rows."""
    with joined():
        return _end(Export.objects.filter(READY, until__lte=db_now()))


def drop_exports(user_id: UUID) -> None:
    """Delete a person's files, also one that is being made. Locks the rows of both."""
    with joined():
        _end(Export.objects.filter(MAKING | READY, user_id=user_id))


def export_file(user_id: UUID) -> tuple[int, Iterator[bytes]]:
    """Return the size of this person's file in bytes, and its pieces, which are read while they are iterated.

    Raises:
        ExportGone: there is none, or its time is over. Iterating raises it too, if the file ends meanwhile.
        Throttled: it was downloaded too often within the hour.
    """
    row = Export.objects.filter(READY, user_id=user_id, until__gt=db_now()).first()
    if row is None:
        raise ExportGone
    throttling.count(throttling.DOWNLOADS, user_id)
    return row.size_bytes, _pieces(row)


def _pieces(row: Export) -> Iterator[bytes]:
    """Yield a file part by part, a statement each."""
    left, number = row.size_bytes, 0
    while left > 0:
        part = ExportPart.objects.filter(export=row, number=number).values_list("data", flat=True).first()
        if part is None:
            raise ExportGone
        piece = zlib.decompress(part)
        yield piece
        left, number = left - len(piece), number + 1


def _claimed(claim: Claim) -> QuerySet[Export]:
    return Export.objects.filter(MAKING, pk=claim.export_id, attempts=claim.attempt)


def _end(found: QuerySet[Export]) -> int:
    ending = list(found.select_for_update().order_by("id").values_list("pk", flat=True)[:MOST_AT_ONCE])
    ExportPart.objects.filter(export__in=ending).delete()
    return Export.objects.filter(pk__in=ending).update(state=ExportState.GONE)
