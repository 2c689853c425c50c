"""Opening the machine again that its return has closed: one person asks, a second one decides."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from core.clock import CoreNow
from core.db import first_or_not_found, joined
from core.errors import assert_reason
from core.ids import new_id
from escrow.errors import ApprovalClosed, SameApprover
from slots.errors import GameNotClosed
from slots.models import Game, Reopening
from slots.services.paytables import GAME


def ask_reopening(*, reason: str, actor: User) -> Reopening:
    """Ask for the machine to be opened; it stays closed until a second person approves. Locks the game.

    Raises:
        ValidationFailed (no reason); GameNotClosed: its return has not closed it, or a request waits already. Nothing
        was written.
    """
    assert_reason(reason)
    with joined():
        game = _locked()
        if game.closed_by_drift_at is None or waiting_reopenings().exists():
            raise GameNotClosed
        return Reopening.objects.create(game=game, asked_by=actor, reason=reason)


def decide_reopening(*, reopening_id: UUID, approved: bool, reason: str, actor: User) -> Reopening:
    """Approve or reject a request. Approved, the next spin is played, and the return is counted anew from it.

    Who asked may reject, which withdraws the request. Locks the game, then the request.

    Raises:
        ValidationFailed (a rejection without a reason), NotFound, ApprovalClosed, SameApprover: nothing was written.
    """
    if not approved:
        assert_reason(reason)
    with joined():
        game = _locked()
        asked = first_or_not_found(Reopening.objects.select_for_update(no_key=True).filter(pk=reopening_id, game=game))
        if asked.approved is not None:
            raise ApprovalClosed
        if approved and asked.asked_by_id == actor.pk:
            raise SameApprover
        Reopening.objects.filter(pk=asked.pk).update(
            approved=approved, decided_by=actor, decided_at=CoreNow(), decision_reason=reason
        )
        if approved:
            Game.objects.filter(pk=game.pk).update(
                enabled=True, closed_by_drift_at=None, counted_from=new_id(), changed_at=CoreNow()
            )
        return Reopening.objects.select_related("asked_by", "decided_by").get(pk=asked.pk)


def waiting_reopenings() -> "QuerySet[Reopening]":
    """The request that waits for a second person, if there is one, with who asked."""
    return Reopening.objects.filter(approved__isnull=True).select_related("asked_by")


def _locked() -> Game:
    return first_or_not_found(Game.objects.select_for_update(no_key=True).filter(code=GAME))
