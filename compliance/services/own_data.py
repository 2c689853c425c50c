"""What compliance holds about a person."""

from collections.abc import Iterator
from uuid import UUID

from accounts.models import User
from compliance.models import (
    AgeCase,
    AgeDate,
    AgeDecision,
    Break,
    Limit,
    LimitChange,
    Marker,
    Refusal,
    TermsAcceptance,
)
from compliance.models.ages import AgeState
from compliance.services.breaks import keep_exclusion
from core.db import joined
from core.own_data import Section, section


def own_data(user_id: UUID) -> Iterator[Section]:
    """Return a person's limits and their history, breaks, terms accepted, age decisions, refusals and markers.

    Who decided and with which words is not the person's: they read the outcome.
    """
    yield section("limits", Limit.objects.filter(user_id=user_id), of="user")
    yield section("limitHistory", LimitChange.objects.filter(user_id=user_id), of="user", but=("actor",))
    yield section("breaks", Break.objects.filter(user_id=user_id), of="user", but=("actor",))
    yield section("termsAccepted", TermsAcceptance.objects.filter(user_id=user_id), of="user")
    yield section("ageCase", AgeCase.objects.filter(user_id=user_id), of="user", but=("decided_by",))
    yield section("ageDecisions", AgeDecision.objects.filter(user_id=user_id), of="user", but=("actor", "reason"))
    dates = AgeDate.objects.filter(decision__user_id=user_id)
    yield section("ageDecisionDates", dates, of="decision", by="decision_id")
    yield section("refusals", Refusal.objects.filter(user_id=user_id), of="user")
    yield section("markers", Marker.objects.filter(user_id=user_id), of="user", but=("closed_by", "reason"))


def erase_person(user: User) -> None:
    """Delete a person's dates of birth and a provider's answers; keep a running exclusion for their address.

    The decisions stay, without dates. The caller empties the account afterwards.
    """
    with joined():
        keep_exclusion(user)
        AgeDate.objects.filter(decision__user=user).delete()
        AgeCase.objects.filter(user=user, state=AgeState.PENDING).delete()
        AgeCase.objects.filter(user=user).update(provider_reference="", provider_answer="")
