"""A player's past: pages of spins, totals and hits of a stretch of days, one spin with its proof.

Nonces have no gaps and each spin carries the running totals, so a page and a total cost the same however much was
played. What only reading can tell is bounded: `SCANNED_SPINS` for each page of a filter, `COUNTED_SPINS` for hits and
the biggest win; the answers say how far they looked.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, QuerySet

from accounts.models import User
from core.db import rows
from slots.draw import Table
from slots.models import Paytable, Spin
from slots.services.counting import kind_hit
from slots.services.detaching import archived_end, detached_before
from slots.services.paytables import par_of, table_of
from slots.services.reading import spin_of

PAGE_SPINS = 20
SCANNED_SPINS = 2_000
COUNTED_SPINS = 5_000
_STRETCH = """
    SELECT s.nonce - a.used AS first, s.nonce - b.used AS following
      FROM slots_slotstate s
     CROSS JOIN LATERAL slots_used(
        p_user_id => s.user_id, p_next => s.nonce, p_most => s.nonce, p_from_id => %(every_id)s,
        p_since => coalesce(%(since)s::date::timestamp AT TIME ZONE 'UTC' - interval '1 microsecond', '-infinity')) AS a
     CROSS JOIN LATERAL slots_used(
        p_user_id => s.user_id, p_next => s.nonce, p_most => s.nonce, p_from_id => %(every_id)s,
        p_since => coalesce(
            (%(until)s::date + 1)::timestamp AT TIME ZONE 'UTC' - interval '1 microsecond', 'infinity')) AS b
     WHERE s.user_id = %(user_id)s
"""


@dataclass(frozen=True)
class Stretch:
    """Spins that follow each other: from the nonce `first` up to and without `following`."""

    first: int
    following: int

    @property
    def spins(self) -> int:
        return max(self.following - self.first, 0)


@dataclass(frozen=True)
class PastSpins:
    """A page of spins, newest first. `older` is where the next page begins, None at the end.

    `looked_to`: when the page is not full, the time of the oldest spin that was looked at before the bound was reached.
    """

    spins: Sequence[Spin]
    older: int | None
    looked_to: datetime | None = None


@dataclass(frozen=True)
class KindHits:
    """How often a kind of win came in the spins counted, and how often its odds let expect it."""

    kind: str
    hits: int
    expected: Fraction


@dataclass(frozen=True)
class BigWin:
    """The spin that paid most, and what it paid in points."""

    spin_id: UUID
    payout: int


@dataclass(frozen=True)
class Totals:
    """What a stretch came to, in points. `biggest` and `kinds` are of its newest `counted` spins."""

    spins: int = 0
    staked: int = 0
    won: int = 0
    counted: int = 0
    biggest: BigWin | None = None
    kinds: tuple[KindHits, ...] = ()

    @property
    def net(self) -> int:
        return self.won - self.staked


@dataclass(frozen=True)
class InArchives:
    """A player's spins of months that are no longer stored, all of them before the day `before`, and their points."""

    before: date
    spins: int
    staked: int
    won: int


@dataclass(frozen=True)
class ProvenSpin:
    """A spin with what its proof needs: its paytable, and the commitment that the spin before it had published.

    `sealed_before` is None for the first spin, whose seal only the player was shown, and where the spin before it is
    missing. `earlier` and `later` are the ids of the player's stored spins beside it.
    """

    spin: Spin
    canonical: str
    sealed_before: bytes | None
    earlier: UUID | None
    later: UUID | None


def stretch_of(*, user: User, since: date | None = None, until: date | None = None) -> Stretch:
    """Return the user's spins of some days (UTC, both included) by a binary search over their nonces (one statement).

    Without days all that are still in the table. Where the clock of a demo was moved back, the search finds one of the
    borders that there are.
    """
    found = rows(_STRETCH, {"user_id": user.id, "since": since, "until": until, "every_id": UUID(int=0)})
    return Stretch(**found[0]) if found else Stretch(0, 0)


def past_spins(
    *, user: User, stretch: Stretch, before: int | None = None, wins: bool = False, kind: str = ""
) -> PastSpins:
    """Return a page of a stretch below the nonce `before`; of wins only, or of one kind of win, if asked for.

    A page without a filter costs the same anywhere; with one at most `SCANNED_SPINS` are looked at.
    """
    top = stretch.following if before is None else min(before, stretch.following)
    if not (wins or kind):
        page = list(_between(user, max(top - PAGE_SPINS, stretch.first), top))
        return PastSpins(page, older=top - PAGE_SPINS if top - PAGE_SPINS > stretch.first else None)
    low = max(top - SCANNED_SPINS, stretch.first)
    found = _wins(user, low, top, kind)
    if len(found) > PAGE_SPINS:
        page = found[:PAGE_SPINS]
        return PastSpins(page, older=page[-1].nonce)
    if low <= stretch.first:
        return PastSpins(found, older=None)
    lowest = Spin.objects.filter(user_id=user.id, nonce=low).only("at").first()
    return PastSpins(found, older=low, looked_to=lowest.at if lowest else None)


def past_totals(*, user: User, stretch: Stretch) -> Totals:
    """Return what a stretch came to, from the running totals at its ends, and the hits of its newest spins."""
    ends = {spin.nonce: spin for spin in _at(user, {stretch.first, stretch.following - 1})}
    oldest, newest = ends.get(stretch.first), ends.get(stretch.following - 1)
    if not stretch.spins or oldest is None or newest is None:
        return Totals()
    low = max(stretch.first, stretch.following - COUNTED_SPINS)
    counted = _between(user, low, stretch.following)
    groups = list(counted.order_by().values("paytable_id", "symbols").annotate(hits=Count("*"), best=Max("payout")))
    best = max((group["best"] for group in groups), default=0)
    return Totals(
        spins=stretch.spins,
        staked=newest.staked_total - oldest.staked_total + oldest.bet,
        won=newest.paid_total - oldest.paid_total + oldest.payout,
        counted=stretch.following - low,
        biggest=BigWin(counted.filter(payout=best)[0].id, best) if best else None,
        kinds=_kinds(groups),
    )


def proven_spin(*, user: User, spin_id: UUID) -> ProvenSpin:
    """Return one spin of this user with its proof.

    Raises:
        NotFound: there is none, or it is another user's; SpinArchived: spins of its month are no longer stored.
    """
    spin = spin_of(user=user, spin_id=spin_id)
    beside = {each.nonce: each for each in _at(user, {spin.nonce - 1, spin.nonce + 1})}
    earlier, later = beside.get(spin.nonce - 1), beside.get(spin.nonce + 1)
    return ProvenSpin(
        spin=spin,
        canonical=Paytable.objects.values_list("canonical", flat=True).get(pk=spin.paytable_id),
        sealed_before=bytes(earlier.next_commitment) if earlier else _archived_commitment(user, spin.nonce),
        earlier=earlier.id if earlier else None,
        later=later.id if later else None,
    )


def kinds_won(spins: Iterable[Spin]) -> dict[UUID, str]:
    """Return the kind of award of each spin that paid, by the paytable it was played with (one statement at most)."""
    won = [spin for spin in spins if spin.payout]
    tables = _tables(spin.paytable_id for spin in won) if won else {}
    return {spin.id: kind_hit(tables.get(spin.paytable_id), spin.symbols) for spin in won}


def past_in_archives(*, user: User) -> InArchives | None:
    """Return what the spins of detached months came to; None if the user has none there (two statements at most)."""
    end = archived_end(user)
    before = detached_before() if end else None
    if end is None or before is None:
        return None
    return InArchives(before=before, spins=end.nonce, staked=end.staked_total, won=end.paid_total)


def _archived_commitment(user: User, nonce: int) -> bytes | None:
    """Return the commitment that the last detached spin gave, if the spin of this nonce came next."""
    end = archived_end(user) if nonce else None
    return bytes(end.commitment) if end is not None and end.nonce == nonce else None


def _between(user: User, first: int, following: int) -> QuerySet[Spin]:
    return Spin.objects.filter(user_id=user.id, nonce__gte=first, nonce__lt=following).order_by("-nonce")


def _at(user: User, nonces: set[int]) -> QuerySet[Spin]:
    return Spin.objects.filter(user_id=user.id, nonce__in=nonces)


def _wins(user: User, low: int, top: int, kind: str) -> list[Spin]:
    """Return the newest wins between two nonces, one more than a page has."""
    wins = _between(user, low, top).filter(payout__gt=0)
    if not kind:
        return list(wins[: PAGE_SPINS + 1])
    light = list(wins.values_list("nonce", "paytable_id", "symbols"))
    tables = _tables(paytable for _, paytable, _ in light)
    of_kind = [nonce for nonce, paytable, symbols in light if kind_hit(tables[paytable], symbols) == kind]
    return list(_at(user, set(of_kind[: PAGE_SPINS + 1])).order_by("-nonce"))


def _kinds(groups: Sequence[Mapping[str, Any]]) -> tuple[KindHits, ...]:
    """Count the hits of each kind, rarest first, beside what the tables they were played with let expect."""
    canonical = _canonical(group["paytable_id"] for group in groups)
    hits: Counter[str] = Counter()
    spins: Counter[UUID] = Counter()
    for group in groups:
        if group["best"]:
            hits[kind_hit(table_of(canonical[group["paytable_id"]]), group["symbols"])] += group["hits"]
        spins[group["paytable_id"]] += group["hits"]
    expected: dict[str, Fraction] = {}
    for paytable, count in spins.items():
        for odds in par_of(canonical[paytable]).odds:
            expected[odds.kind] = expected.get(odds.kind, Fraction(0)) + Fraction(count * odds.tickets, odds.of)
    return tuple(
        KindHits(kind, hits[kind], expected[kind]) for kind in sorted(expected, key=lambda k: (expected[k], k))
    )


def _tables(paytables: Iterable[UUID]) -> dict[UUID, Table]:
    return {paytable: table_of(canonical) for paytable, canonical in _canonical(paytables).items()}


def _canonical(paytables: Iterable[UUID]) -> dict[UUID, str]:
    return dict(Paytable.objects.filter(pk__in=set(paytables)).values_list("pk", "canonical"))
