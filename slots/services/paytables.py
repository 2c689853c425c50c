"""The reference rows: the machine's switch, the partitions, and a paytable taken from draft to active."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from compliance.errors import GameDisabled
from core.clock import CoreNow
from core.db import joined
from core.ids import new_id
from slots.draw import Table, parse
from slots.errors import ReferenceMismatch
from slots.models import Game, Paytable, PaytableStatus
from slots.par import ParSheet, par_sheet

FILES = Path(__file__).resolve().parent.parent / "paytables"
REFERENCE = "classic-95"
GAME = "slots"
PARTITION_MONTHS = 3


def seed_reference() -> None:
    """Insert what the machine needs: its switch, this month's and the next two partitions, an active paytable.

    Idempotent; start-up calls it. An active paytable stays active. Locks the game row, so that two starts activate
    one paytable.

    Raises:
        ReferenceMismatch: the paytable file was altered; nothing was written.
    """
    with joined():
        Game.objects.bulk_create([Game(code=GAME)], ignore_conflicts=True)
        Game.objects.select_for_update(no_key=True).get(code=GAME)
        make_partitions()
        if not Paytable.objects.filter(status=PaytableStatus.ACTIVE).exists():
            _activate(json.loads((FILES / f"{REFERENCE}.json").read_text(encoding="utf-8")))


def make_partitions() -> int:
    """Create the partitions of spins for this month and the next two, by the clock of ids; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT slots_make_partitions(p_now_id => %(now_id)s, p_months => %(months)s)",
            {"now_id": new_id(), "months": PARTITION_MONTHS},
        )
        made: int = cursor.fetchone()[0]
    return made


def active_paytable() -> Paytable:
    """Return the active paytable (one statement). Raises GameDisabled if there is none."""
    active = Paytable.objects.filter(status=PaytableStatus.ACTIVE).first()
    if active is None:
        raise GameDisabled
    return active


def is_open() -> bool:
    """Return whether the machine is switched on, in the settings and in the database."""
    return bool(settings.SLOTS_ENABLED) and Game.objects.filter(code=GAME, enabled=True).exists()


@lru_cache(maxsize=64)
def table_of(canonical: str) -> Table:
    """Parse a paytable, once per process: rows never change."""
    return parse(json.loads(canonical))


@lru_cache(maxsize=64)
def par_of(canonical: str) -> ParSheet:
    """Compute a paytable's PAR sheet, once per process."""
    return par_sheet(table_of(canonical))


def _activate(file: Mapping[str, Any]) -> None:
    """Take a reference file through all steps to active; it has no author and no approver."""
    table = parse(file["table"])
    canonical = table.canonical.decode()
    sheet = par_of(canonical).as_json()
    if table.digest.hex() != file["canonicalSha256"] or sheet != file["par"]:
        raise ReferenceMismatch(f"{table.code} is not what its file declares")
    Paytable.objects.get_or_create(
        digest=table.digest,
        defaults={
            "code": table.code,
            "version": table.version,
            "canonical": canonical,
            "declared_rtp": file["par"]["rtp"],
        },
    )
    rows = Paytable.objects.filter(digest=table.digest)
    rows.filter(status=PaytableStatus.DRAFT).update(status=PaytableStatus.COMPUTED, par=sheet, computed_at=CoreNow())
    rows.filter(status=PaytableStatus.COMPUTED).update(status=PaytableStatus.APPROVED, approved_at=CoreNow())
    rows.filter(status=PaytableStatus.APPROVED).update(status=PaytableStatus.ACTIVE, activated_at=CoreNow())
