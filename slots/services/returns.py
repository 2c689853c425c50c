"""The actual return of each paytable: counted spin by spin, judged in looks; too far off, it closes the machine."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from compliance import services as compliance
from core.clock import CoreNow
from slots.drift import is_look, verdict, z_of
from slots.models import Game, Look, Paytable, PaytableStatus, Tally, Verdict
from slots.services.paytables import GAME, par_of


@dataclass(frozen=True, kw_only=True)
class Return:
    """What the active paytable returned since the count began. `z` None: nothing yet. `least`: judged from there."""

    paytable: str
    spins: int
    staked: int
    paid: int
    z: float | None
    verdict: str
    least: int


class Tallies:
    """The counts of the paytables while new spins are added in the open transaction, which holds the game's lock."""

    def __init__(self, game: Game) -> None:
        self._game = game
        self._tallies: dict[UUID, Tally] = {}

    def add(self, spin: dict[str, Any], paytable: Paytable) -> None:
        """Count one spin, and look at the return where it is time. Spins before the present count are left out."""
        started = self._game.counted_from
        if started is not None and spin["id"] < started:
            return
        tally = self._tally_of(paytable)
        tally.spins += 1
        tally.staked += spin["bet"]
        tally.paid += spin["payout"]
        if is_look(tally.spins, settings.SLOTS_DRIFT_MIN_SPINS):
            _look(self._game, paytable, tally)

    def save(self) -> None:
        """Write the counts (one statement)."""
        Tally.objects.bulk_create(
            self._tallies.values(),
            update_conflicts=True,
            unique_fields=["paytable_id"],
            update_fields=["counted_from", "spins", "staked", "paid"],
        )

    def _tally_of(self, paytable: Paytable) -> Tally:
        """Return the count of a paytable; a new one where there is none of the present count."""
        known = self._tallies.get(paytable.pk)
        if known is None:
            started = self._game.counted_from
            stored = Tally.objects.filter(paytable_id=paytable.pk).first()
            is_present = stored is not None and stored.counted_from == started
            known = stored if is_present and stored else Tally(paytable_id=paytable.pk, counted_from=started)
            self._tallies[paytable.pk] = known
        return known


def returns() -> Return | None:
    """Return what the active paytable returned so far; None without one (three statements)."""
    active = Paytable.objects.filter(status=PaytableStatus.ACTIVE).first()
    if active is None:
        return None
    game = Game.objects.filter(code=GAME).first()
    tally = Tally.objects.filter(paytable_id=active.pk, counted_from=game.counted_from if game else None).first()
    if tally is None or not tally.spins:
        tally = Tally(paytable_id=active.pk)
    sums = {"spins": tally.spins, "staked": tally.staked, "paid": tally.paid}
    par, least = par_of(active.canonical), settings.SLOTS_DRIFT_MIN_SPINS
    return Return(
        paytable=str(active),
        z=z_of(par, **sums) if tally.spins else None,
        verdict=verdict(par, **sums, least=least) if tally.spins else Verdict.SHOWN,
        least=least,
        **sums,
    )


def _look(game: Game, paytable: Paytable, tally: Tally) -> None:
    """Judge a count; a warning leaves a marker, and more than that closes the machine with it."""
    par = par_of(paytable.canonical)
    sums = {"spins": tally.spins, "staked": tally.staked, "paid": tally.paid}
    z, found = z_of(par, **sums), verdict(par, **sums, least=settings.SLOTS_DRIFT_MIN_SPINS)
    Look.objects.create(paytable_digest=paytable.digest, counted_from=tally.counted_from, z=z, verdict=found, **sums)
    if found not in (Verdict.WARN, Verdict.DISABLE):
        return
    compliance.mark(
        kind=compliance.MarkerKind.RTP_DRIFT,
        subject=bytes(paytable.digest).hex(),
        seen=f"{tally.counted_from}:{tally.spins}",
        spins=tally.spins,
        staked=tally.staked,
        paid=tally.paid,
        paytable=str(paytable),
        z=f"{z:+.2f}",
        verdict=str(found),
        rtp=str(par.rtp),
    )
    if found == Verdict.DISABLE and game.closed_by_drift_at is None:
        Game.objects.filter(pk=game.pk).update(enabled=False, closed_by_drift_at=CoreNow(), changed_at=CoreNow())
        game.refresh_from_db()
