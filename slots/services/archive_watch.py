"""The watch over archives: months that nobody archived, folders that are gone or changed, replays that find defects.

A round each day looks at every folder's list and signature, and replays the one month that was replayed longest ago.
What it finds is marked for staff (`compliance.mark`); nothing is repaired.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db.models import F

from core.db import command
from slots.models import Archive
from slots.services import archives
from slots.standalone.verify_archive import LIST, SIGNATURE

GRACE = timedelta(days=2)
"""How long after its end a month may wait for its archive: beat writes them once a day."""


@dataclass(frozen=True)
class ArchiveHealth:
    """Months whose last replay found defects or never took place, and months that should have been archived."""

    defective: int
    late: int


def watch_archives() -> int:
    """Look at the archives; return how many months have defects. Replays one month: a minute for a million spins."""
    found = {month: [f"MONTHS: {month:%Y-%m} is over and not archived"] for month in months_late()}
    kept = list(Archive.objects.order_by("month"))
    for archive in kept:
        if defects := archives.row_defects(archive) or _signature_defects(archive):
            found[archive.month] = defects
            Archive.objects.filter(pk=archive.pk).update(checked_at=None)
    for month, defects in found.items():
        command(lambda month=month, defects=defects: archives.note_defects(month, defects))  # type: ignore[misc]
    sound = Archive.objects.exclude(month__in=found)
    oldest = sound.order_by(F("replayed_at").asc(nulls_first=True), "month").first()
    if oldest is not None and (defects := archives.replay_archive(oldest)):
        found[oldest.month] = defects
    return len(found)


def archive_health() -> ArchiveHealth:
    """Return how many archives are defective and how many are missing (three statements)."""
    return ArchiveHealth(Archive.objects.filter(checked_at=None).count(), len(months_late()))


def months_late() -> list[date]:
    """Return the months that are over for longer than `GRACE` and not archived."""
    return [month for month in archives.months_due() if archives.is_over(month, since=GRACE)]


def _signature_defects(archive: Archive) -> list[str]:
    """Return whether the list of files was not signed by the key that the row names."""
    folder = archives.folder_of(archive)
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(archive.key_id))
    try:
        key.verify((folder / SIGNATURE).read_bytes(), (folder / LIST).read_bytes())
    except InvalidSignature:
        return [f"SIGNATURE: {archive.folder}: the list is not signed by the recorded key"]
    return []
