"""Asking those who may approve a paytable to look at it. Who was asked, by whom and when, is kept; they are mailed."""

from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from core.clock import db_now
from core.db import joined
from slots.errors import NobodyToAsk
from slots.models import Paytable, PaytableStatus, ReviewRequest
from slots.services.lifecycle import PAYTABLE_ROLES, locked_paytable

ASKED_AGAIN_AFTER = timedelta(hours=1)


def approvers_of(paytable: Paytable) -> "QuerySet[User]":
    """Who may approve a paytable: games staff and admins but for its author."""
    able = User.objects.filter(role__in=PAYTABLE_ROLES, is_active=True).order_by("username")
    return able if paytable.created_by_id is None else able.exclude(pk=paytable.created_by_id)


def ask_for_review(*, paytable_id: UUID, actor: User) -> list[User]:
    """Note that everybody else who may approve a computed paytable and has an e-mail address is asked to look at it.

    Nobody is asked twice within an hour. Returns whom the caller must mail. Locks the game, then the paytable.

    Raises:
        NotFound, PaytableStepRefused, NobodyToAsk: nothing was written.
    """
    with joined():
        paytable = locked_paytable(paytable_id, PaytableStatus.COMPUTED)
        now = db_now()
        lately = review_requests(paytable_id).filter(asked_at__gt=now - ASKED_AGAIN_AFTER)
        able = approvers_of(paytable).exclude(pk=actor.pk).exclude(email="")
        asked = list(able.exclude(pk__in=lately.values("asked")))
        if not asked:
            raise NobodyToAsk
        ReviewRequest.objects.bulk_create(
            ReviewRequest(paytable=paytable, asked=each, asked_by=actor, asked_at=now) for each in asked
        )
        return asked


def review_requests(paytable_id: UUID) -> "QuerySet[ReviewRequest]":
    """Who was asked to look at a paytable, the last first."""
    rows = ReviewRequest.objects.filter(paytable_id=paytable_id)
    return rows.select_related("asked", "asked_by").order_by("-asked_at", "asked__username")
