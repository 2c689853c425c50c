"""The life of a paytable: computed when it is drafted, approved by a second person, active, retired, active again.

Until it is active it may be discarded: it is retired then, and stays so (ADR 0099).

Every command locks the game's row first. A spin does not: it reads the active paytable in one statement, so it is
played by the table before a change or by the one after it. Each step leaves a ``PaytableStep``.
"""

from fractions import Fraction
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import Role, User
from core.clock import CoreNow
from core.db import first_or_not_found, joined
from core.errors import ValidationFailed, assert_reason
from escrow.errors import SameApprover
from slots.draw import Table
from slots.errors import PaytableExists, PaytableStepRefused, RtpMismatch
from slots.models import Game, Paytable, PaytableStatus, PaytableStep
from slots.par import ParSheet
from slots.services.paytables import GAME, par_of

PAYTABLE_ROLES: frozenset[str] = frozenset({Role.GAMES, Role.ADMIN})
PAYTABLE_READERS = PAYTABLE_ROLES | {Role.AUDITOR}
LEAST_RTP, MOST_RTP = Fraction(3, 4), Fraction(1)
BET = 100
SYMBOLS = ("cherry", "lemon", "orange", "plum", "bell", "star", "seven", "diamond")


def list_paytables() -> "QuerySet[Paytable]":
    """All paytables, to be filtered and paged."""
    return Paytable.objects.all()


def paytables_waiting() -> int:
    """Count the paytables that wait for approval (one statement)."""
    return Paytable.objects.filter(status=PaytableStatus.COMPUTED).count()


def steps_of(paytable_id: UUID) -> "QuerySet[PaytableStep]":
    """The steps of a paytable, newest first, with their actors."""
    return PaytableStep.objects.filter(paytable_id=paytable_id).select_related("actor").order_by("-id")


def draft(*, table: Table, declared_rtp: Fraction, actor: User) -> Paytable:
    """Store a paytable and its PAR sheet, computed by counting every ticket. Locks the game.

    Raises:
        RtpMismatch: it returns another share than declared, or one outside of 75–100 %. ValidationFailed: the machine
        cannot show it, or its bet is not 100 points. PaytableExists. Nothing was written.
    """
    canonical = table.canonical.decode()
    sheet = par_of(canonical)
    if sheet.rtp != declared_rtp or not LEAST_RTP <= sheet.rtp <= MOST_RTP:
        raise RtpMismatch(declaredRtp=str(declared_rtp), computedRtp=str(sheet.rtp))
    if table.unit != BET:
        raise ValidationFailed(table=[f"unit: a spin costs {BET} points."])
    if not {symbol.name for symbol in table.symbols} <= set(SYMBOLS):
        raise ValidationFailed(table=[f"symbols: the machine has pictures of {', '.join(SYMBOLS)}."])
    with joined():
        _lock_game()
        same = Q(digest=table.digest) | Q(code=table.code, version=table.version)
        if found := Paytable.objects.filter(same).first():
            raise PaytableExists(paytableId=str(found.pk))
        return _drafted(table, sheet, canonical, actor)


def approve(*, paytable_id: UUID, reason: str, actor: User) -> Paytable:
    """Approve a computed paytable. Locks the game, then the paytable.

    Raises:
        NotFound, PaytableStepRefused, SameApprover (its author): nothing was written.
    """
    with joined():
        paytable = locked_paytable(paytable_id, PaytableStatus.COMPUTED)
        if paytable.created_by_id == actor.pk:
            raise SameApprover
        return _step(paytable, PaytableStatus.APPROVED, reason, actor, approved_by=actor, approved_at=CoreNow())


def activate(*, paytable_id: UUID, reason: str, actor: User) -> Paytable:
    """Play by an approved or a retired paytable from the next spin on; the one active until then is retired.

    Locks the game, then both paytables.

    Raises:
        NotFound, PaytableStepRefused (a discarded one too): nothing was written.
    """
    with joined():
        paytable = locked_paytable(paytable_id, PaytableStatus.APPROVED, PaytableStatus.RETIRED)
        if paytable.is_discarded:
            raise PaytableStepRefused(status="discarded")
        for other in Paytable.objects.select_for_update(no_key=True).filter(status=PaytableStatus.ACTIVE):
            why = f"Replaced by {paytable}" + (f": {reason}" if reason.strip() else "")
            _step(other, PaytableStatus.RETIRED, why, actor, retired_at=CoreNow())
        return _step(paytable, PaytableStatus.ACTIVE, reason, actor, activated_at=CoreNow(), retired_at=None)


def retire(*, paytable_id: UUID, reason: str, actor: User) -> Paytable:
    """Retire the active paytable: the machine is closed until one is activated. Locks the game, then the paytable.

    Raises:
        NotFound, PaytableStepRefused, ValidationFailed (no reason): nothing was written.
    """
    assert_reason(reason)
    with joined():
        paytable = locked_paytable(paytable_id, PaytableStatus.ACTIVE)
        return _step(paytable, PaytableStatus.RETIRED, reason, actor, retired_at=CoreNow())


def discard(*, paytable_id: UUID, reason: str, actor: User) -> Paytable:
    """Retire a paytable that was never active; it takes no further step. Locks the game, then the paytable.

    Raises:
        NotFound, PaytableStepRefused, ValidationFailed (no reason): nothing was written.
    """
    assert_reason(reason)
    with joined():
        paytable = locked_paytable(paytable_id, PaytableStatus.COMPUTED, PaytableStatus.APPROVED)
        return _step(paytable, PaytableStatus.RETIRED, reason, actor, retired_at=CoreNow())


def _drafted(table: Table, sheet: ParSheet, canonical: str, actor: User) -> Paytable:
    paytable = Paytable.objects.create(
        code=table.code,
        version=table.version,
        canonical=canonical,
        digest=table.digest,
        declared_rtp=str(sheet.rtp),
        created_by=actor,
    )
    PaytableStep.objects.create(paytable=paytable, to_status=PaytableStatus.DRAFT, actor=actor)
    return _step(paytable, PaytableStatus.COMPUTED, "", actor, par=sheet.as_json(), computed_at=CoreNow())


def _lock_game() -> None:
    first_or_not_found(Game.objects.select_for_update(no_key=True).filter(code=GAME))


def locked_paytable(paytable_id: UUID, *allowed: PaytableStatus) -> Paytable:
    """Lock the game and a paytable. Raises NotFound, PaytableStepRefused (it has another status)."""
    _lock_game()
    paytable = first_or_not_found(Paytable.objects.select_for_update(no_key=True).filter(pk=paytable_id))
    if paytable.status not in allowed:
        raise PaytableStepRefused(status=paytable.status)
    return paytable


def _step(paytable: Paytable, status: PaytableStatus, reason: str, actor: User, **columns: object) -> Paytable:
    """Take a locked paytable one status on, with its step; return it as it is then."""
    Paytable.objects.filter(pk=paytable.pk).update(status=status, **columns)
    PaytableStep.objects.create(
        paytable=paytable, from_status=paytable.status, to_status=status, actor=actor, reason=reason
    )
    return Paytable.objects.get(pk=paytable.pk)
