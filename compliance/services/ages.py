"""Whose age is proven: what staff decide of it."""

from datetime import date
from uuid import UUID

from django.db.models import QuerySet

import accounts.services
from accounts.models import Role, User
from compliance.calendar import has_age
from compliance.models import AgeCase, AgeDate, AgeDecision
from compliance.models.ages import AgeSource, AgeState
from compliance.models.places import MIN_AGE
from compliance.services.places import policy_number
from core.clock import db_now
from core.db import joined
from core.errors import NotFound, ValidationFailed


class AlreadyDecided(Exception):
    """Somebody else decided the case first; nothing was written."""

    def __init__(self, case: AgeCase) -> None:
        super().__init__()
        self.case = case


EARLIEST_BIRTH = date(1900, 1, 1)


def age_cases() -> QuerySet[AgeCase]:
    """All cases, with their users."""
    return AgeCase.objects.select_related("user")


def age_state_of(user: User) -> str:
    """Return how far the check of a person's age is, "" if nobody waits for it (at most one statement)."""
    if user.verified_at is not None:
        return AgeState.VERIFIED
    return AgeCase.objects.filter(user=user).values_list("state", flat=True).first() or ""


def ages_waiting() -> int:
    """Return how many ages wait for a decision (one statement)."""
    return AgeCase.objects.filter(state=AgeState.PENDING).count()


def decide_age(
    *,
    user_id: UUID,
    verified: bool,
    reason: str,
    actor: User,
    date_of_birth: date | None = None,
    only_waiting: bool = False,
) -> AgeCase:
    """Record a decision on a user's age, whatever was decided before, and return their case.

    A date of birth replaces the account's. The next spin has the decision. Locks the account, then the case.

    Raises:
        AlreadyDecided: with `only_waiting`, the case does not wait any more;
        NotFound: no such user, one of another role, or an erased one; ValidationFailed: the date is none of a living
        person's, or somebody under 18 was to be verified. Nothing was written.
    """
    with joined():
        user = accounts.services.locked(user_id)
        if user.role != Role.USER or user.erased_at is not None:
            raise NotFound
        case, _ = AgeCase.objects.select_for_update(no_key=True, of=("self",)).get_or_create(user=user)
        if only_waiting and case.state != AgeState.PENDING:
            raise AlreadyDecided(case)
        now = db_now()
        was, born = user.date_of_birth, date_of_birth or user.date_of_birth
        if date_of_birth is not None and not EARLIEST_BIRTH <= date_of_birth <= now.date():
            raise ValidationFailed(dateOfBirth=["Not a date of birth."])
        if verified and born is not None and not has_age(born, MIN_AGE, now):
            raise ValidationFailed(dateOfBirth=[f"Under {MIN_AGE}: cannot be verified."])
        user = accounts.services.record_age(user_id, verified=verified, date_of_birth=date_of_birth)
        case.state = AgeState.VERIFIED if verified else AgeState.REJECTED
        case.decided_at, case.decided_by, case.user = now, actor, user
        case.save(update_fields=["state", "decided_at", "decided_by"])
        decision = AgeDecision.objects.create(
            user=user,
            outcome=case.state,
            by=AgeSource.STAFF,
            actor=actor,
            reason=reason,
            policy_version=str(policy_number(case.region)),
        )
        AgeDate.objects.create(decision=decision, old=was, new=born)
        return case
