"""Asking the age provider: read, ask with no transaction open, then note the answer."""

from uuid import UUID

import structlog

import accounts.services
from compliance.calendar import has_age
from compliance.models import AgeCase, AgeDate, AgeDecision
from compliance.models.ages import AgeCaseReason, AgeSource, AgeState
from compliance.models.places import MIN_AGE
from compliance.providers import AgeAnswer, AgeQuestion, Finding, NoAnswer, provider
from compliance.services.age_queue import policies_of
from compliance.services.places import policy_number
from core.clock import db_now
from core.db import command

log = structlog.get_logger()
MOST_AT_ONCE = 20


def ask_provider_of_new_cases() -> int:
    """Ask the provider for each age that nobody was asked for yet, the oldest first; return how many were asked.

    Idempotent: a case is asked until its answer is noted. Without a provider nothing happens.
    """
    chosen = provider()
    if chosen is None:
        return 0
    new = AgeCase.objects.filter(state=AgeState.PENDING, why=AgeCaseReason.NEW, user__date_of_birth__isnull=False)
    cases = list(
        new.order_by("opened_at", "id").values_list("id", "user_id", "user__date_of_birth", "region")[:MOST_AT_ONCE]
    )
    policies = policies_of([region for *_, region in cases])
    for case_id, user_id, born, region in cases:
        if born is None:  # excluded above, which the types do not say
            continue
        policy = policies.get(region)
        question = AgeQuestion(case_id, born, policy.minimum_age if policy else MIN_AGE)
        try:
            answer = chosen.check(question)
        except NoAnswer as fault:
            log.warning("age_provider_no_answer", case=str(case_id), fault=str(fault))
            answer = None
        _note(user_id, answer)
    return len(cases)


def _note(user_id: UUID, answer: AgeAnswer | None) -> None:
    """Note an answer in one transaction, unless somebody has decided meanwhile. Locks the account, then the case."""

    def work() -> None:
        user = accounts.services.locked(user_id)
        case = AgeCase.objects.select_for_update(no_key=True).filter(user=user, state=AgeState.PENDING).first()
        if case is None or user.erased_at is not None:
            return
        now, born = db_now(), user.date_of_birth
        case.provider_reference, case.provider_answer = (answer.reference, answer.words) if answer else ("", "")
        if answer is None:
            case.why = AgeCaseReason.NO_ANSWER
        elif answer.finding == Finding.UNSURE or born is None:
            case.why = AgeCaseReason.UNSURE
        elif answer.finding == Finding.VERIFIED and not has_age(born, MIN_AGE, now):
            case.why = AgeCaseReason.UNSURE  # nobody under 18 is verified, whatever a provider says
        else:
            case.state, case.decided_at = AgeState(answer.finding), now
            accounts.services.record_age(user_id, verified=answer.finding == Finding.VERIFIED, date_of_birth=None)
            decision = AgeDecision.objects.create(
                user=user,
                outcome=case.state,
                by=AgeSource.PROVIDER,
                reason=f"{answer.words} (reference {answer.reference})",
                policy_version=str(policy_number(case.region)),
            )
            AgeDate.objects.create(decision=decision, old=born, new=born)
        case.save(update_fields=["state", "why", "decided_at", "provider_reference", "provider_answer"])

    command(work)
