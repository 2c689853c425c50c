"""The archives of spins: written when a month is over, checked, and read again. Exports have the same form."""

import fcntl
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection

from compliance import services as compliance
from compliance.services import MarkerKind
from core.clock import CoreNow
from core.db import command
from core.ids import new_id
from slots import chain
from slots.errors import ArchiveRefused
from slots.models import Archive, Spin
from slots.services.archiving import (
    PAGE_ROWS,
    Line,
    Written,
    id_bounds,
    lines_of,
    month_after,
    month_of,
    parts_of,
    public_key,
    read_written,
    write_month,
)
from slots.standalone.verify_archive import NotAnArchive, replay

log = structlog.get_logger()
LATE = timedelta(hours=1)  # an id is older than its row's commit: by seconds, or by what clocks differ
LOCK = ".lock"
MOST_CHARS = 300
COLUMNS = (*chain.FIELDS, "chain")
_NOT_OURS = ("FILES", "SIGNATURE", "MANIFEST")
_SCHEMA = "CREATE SCHEMA IF NOT EXISTS archived"
_MAKE = "CREATE TABLE {table} (LIKE public.slots_spin INCLUDING CONSTRAINTS, PRIMARY KEY (id), UNIQUE (user_id, nonce))"


@dataclass(frozen=True)
class Archived:
    """A month that is archived now, and what a replay of its files found wrong."""

    month: date
    spins: int
    defects: Sequence[str]


def archive_spins(*, month: date | None = None) -> list[Archived]:
    """Write the archives of all months that are over, or up to `month`; replay each, and record it.

    One process at a time, by a lock on a file of `ARCHIVE_FOLDER`; another one returns an empty list. Interrupted, it
    goes on where it stopped. A defect of the spins is archived as it is, returned, and marked for staff
    (`replay_archive`).

    Raises:
        ArchiveRefused: `month` is not over, or was archived before; or the folder holds a month that is not ours.
    """
    folder = Path(settings.ARCHIVE_FOLDER)
    with _alone(folder) as alone:
        if not alone:
            return []
        due = months_due()
        if month is not None:
            if month not in due:
                raise ArchiveRefused(f"{month:%Y-%m} is not over, has no spin, or is archived already")
            due = due[: due.index(month) + 1]
        return [_archive(each, folder) for each in due]


def export_spins(into: Path, *, only: UUID | None = None) -> list[Written]:
    """Write all stored spins (or one player's) into a new folder, in the form of archives; return the months.

    Where months were detached it goes on from their archives. Spins that are played meanwhile are in it or not: those
    of each player up to one of them. `SEED_KEY` is not needed and no seed to come is written.

    Raises:
        ArchiveRefused: the folder is not empty.
    """
    if into.exists() and any(into.iterdir()):
        raise ArchiveRefused(f"{into} is not empty")
    written: list[Written] = []
    now = month_of(new_id())
    month = _first_month(only)
    while month is not None and month <= now:
        if _spins_of(month, only):
            previous = written[-1].previous if written else _detached(month)
            written.append(write_month(month, into=into, previous=previous, complete=is_over(month), only=only))
        month = month_after(month)
    return written


def check_archives(*, month: date | None = None) -> list[str]:
    """Replay the archives in one walk (or one month alone) and compare them with their rows; return the defects.

    An archive without defects is recorded as checked now. The signers' keys are those of the rows: whoever could change
    both rows and files is found out by the keys that were published (`verify_archive.py --key`).

    Raises:
        ArchiveRefused: the month is not archived.
    """
    archives = [_archive_of(month)] if month else list(Archive.objects.order_by("month"))
    keys = [bytes.fromhex(archive.key_id) for archive in archives]
    folder = folder_of(archives[0]) if month else Path(settings.ARCHIVE_FOLDER)
    defects = _replayed(folder, keys) if archives else []
    defects += [each for archive in archives for each in row_defects(archive)]
    for archive in archives:
        command(partial(_record, archive, [each for each in defects if f" {archive.folder}" in each]))
    return defects


def archived_spin(spin_id: UUID) -> Line | None:
    """Return a spin of an archived month; None if no archive has it. Reads half of the month's files on average."""
    archive = Archive.objects.filter(month=month_of(spin_id)).first()
    parts = parts_of(folder_of(archive)) if archive else []
    return next((line for part in parts for line in lines_of(part) if line["id"] == str(spin_id)), None)


def restore_spins(month: date) -> str:
    """Load an archived month into a table of its own, to be read; return the table's name.

    The table is `archived.slots_spin_YYYYMM`, apart from the spins of the machine. It is made anew, in transactions of
    a page each, under another name until all of it is loaded. Needs the right to create a schema: the owner has it.

    Raises:
        ArchiveRefused: the month is not archived, or its files have defects.
    """
    archive = _archive_of(month)
    if defects := _defects_of(archive):
        raise ArchiveRefused(defects[0])
    name = f"slots_spin_{month:%Y%m}"
    table, loading = f"archived.{name}", f"archived.{name}_loading"
    command(lambda: _run(_SCHEMA, f"DROP TABLE IF EXISTS {loading}", _MAKE.format(table=loading)))
    for part in parts_of(folder_of(archive)):
        page: list[Line] = []
        for line in lines_of(part):
            page.append(line)
            if len(page) == PAGE_ROWS:
                command(_copying(loading, page))
                page = []
        if page:
            command(_copying(loading, page))
    command(lambda: _run(f"DROP TABLE IF EXISTS {table}", f"ALTER TABLE {loading} RENAME TO {name}"))
    return table


def _archive(month: date, folder: Path) -> Archived:
    """Write one month, unless an attempt before has; then record it and replay it."""
    before = Archive.objects.filter(month__lt=month).order_by("month").last()
    previous = _previous(before) if before else None
    place = folder / f"{month:%Y-%m}"
    stands = place.exists()
    written = _adopted(place) if stands else write_month(month, into=folder, previous=previous, complete=True)
    archive, _ = Archive.objects.get_or_create(
        month=month,
        defaults={
            "spins": written.spins,
            "first_id": written.first_id,
            "last_id": written.last_id,
            "folder": place.name,
            "list_sha256": written.list_sha256,
            "signature": written.signature,
            "key_id": written.public_key,
        },
    )
    log.info("archived", month=place.name, spins=archive.spins)
    return Archived(month, archive.spins, replay_archive(archive))


def replay_archive(archive: Archive) -> list[str]:
    """Replay one archive by the key of its row, compare it with the row, record the result, and return the defects.

    Defects are marked for staff, and `checked_at` is empty until a replay finds none.
    """
    defects = _defects_of(archive)
    command(lambda: _record(archive, defects))
    return defects


def note_defects(month: date, defects: Sequence[str]) -> None:
    """Mark the defects of a month for staff, in the open transaction. The same ones again count once."""
    name = f"{month:%Y-%m}"
    log.error("archive_defects", month=name, defects=len(defects), first=defects[0])
    compliance.mark(
        kind=MarkerKind.ARCHIVE_DEFECT,
        subject=name,
        seen=hashlib.sha256("\n".join(defects).encode()).hexdigest(),
        month=name,
        defects=len(defects),
        first=defects[0][:MOST_CHARS],
    )


def _record(archive: Archive, defects: Sequence[str]) -> None:
    Archive.objects.filter(pk=archive.pk).update(replayed_at=CoreNow(), checked_at=None if defects else CoreNow())
    if defects:
        note_defects(archive.month, defects)


def _adopted(place: Path) -> Written:
    """Return a month that is in its place and was not recorded: an attempt was ended between the two.

    Raises:
        ArchiveRefused: it is not whole, or `ARCHIVE_SIGNING_KEY` has not signed it; somebody else put it there.
    """
    strange = [each for each in _replayed(place, [bytes.fromhex(public_key())]) if each.startswith(_NOT_OURS)]
    if strange:
        raise ArchiveRefused(f"{place} is not recorded and not ours: {strange[0]}")
    return read_written(place)


def _detached(month: date) -> Mapping[str, str] | None:
    """Return how the archive of the last month that was detached before this one is named; None without any."""
    last = Archive.objects.filter(detached_at__isnull=False, month__lt=month).order_by("month").last()
    return _previous(last) if last else None


def _previous(archive: Archive) -> dict[str, str]:
    return {"month": f"{archive.month:%Y-%m}", "list_sha256": bytes(archive.list_sha256).hex()}


def months_due() -> list[date]:
    """Return the months that are over and not archived, without a gap since the first that has spins."""
    last = Archive.objects.order_by("month").last()
    month = month_after(last.month) if last else _first_month(None)
    due: list[date] = []
    while month is not None and is_over(month):
        due.append(month)
        month = month_after(month)
    return due


def is_over(month: date, *, since: timedelta = LATE) -> bool:
    """Return whether the month ended so long ago, by the clock of ids: no spin can get an id of it any more."""
    after = month_after(month)
    now = datetime.fromtimestamp((new_id().int >> 80) / 1000, UTC)
    return now >= datetime(after.year, after.month, 1, tzinfo=UTC) + since


def _first_month(only: UUID | None) -> date | None:
    spins = Spin.objects.order_by("id") if only is None else Spin.objects.filter(user_id=only).order_by("nonce")
    first = spins.values_list("id", flat=True).first()
    return None if first is None else month_of(first)


def _spins_of(month: date, only: UUID | None) -> bool:
    low, high = id_bounds(month)
    spins = Spin.objects.filter(id__gte=low, id__lt=high)
    return (spins if only is None else spins.filter(user_id=only)).exists()


def _archive_of(month: date) -> Archive:
    archive = Archive.objects.filter(month=month).first()
    if archive is None:
        raise ArchiveRefused(f"{month:%Y-%m} is not archived")
    return archive


def _defects_of(archive: Archive) -> list[str]:
    """Replay one archive by the key of its row, and compare it with the row."""
    return _replayed(folder_of(archive), [bytes.fromhex(archive.key_id)]) + row_defects(archive)


def row_defects(archive: Archive) -> list[str]:
    """Return how the folder of an archive differs from its row, by its list of files; without reading the spins."""
    try:
        written = read_written(folder_of(archive))
    except (OSError, ValueError, KeyError):
        return [f"ROW: {archive.folder}: it cannot be read"]
    kept = (archive.spins, archive.first_id, archive.last_id, bytes(archive.list_sha256), bytes(archive.signature))
    if kept == (written.spins, written.first_id, written.last_id, written.list_sha256, written.signature):
        return []
    return [f"ROW: {archive.folder}: the files are not those that were recorded"]


def _replayed(folder: Path, keys: list[bytes]) -> list[str]:
    try:
        return [str(defect) for defect in replay(folder, keys).defects]
    except NotAnArchive as error:
        return [f"FILES: {error}"]


def folder_of(archive: Archive) -> Path:
    return Path(settings.ARCHIVE_FOLDER) / archive.folder


def _run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _copying(table: str, page: Sequence[Line]) -> Callable[[], None]:
    def copy() -> None:
        into = f"COPY {table} ({', '.join(COLUMNS)}) FROM STDIN"
        with connection.cursor() as cursor, cursor.copy(into) as rows:
            for line in page:
                rows.write_row([line[name] for name in COLUMNS])

    return copy


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Lock the folder against other processes; False if one has it. The system frees it when a process ends."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
