"""The gates that stand today, in the order of PRODUCT.md §4, and the record of what they refused."""

from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction

from accounts.models import Role, User
from compliance.errors import AgeVerificationRequired, GameDisabled, RoleNotAllowed, TermsNotAccepted
from compliance.models import Refusal
from core.context import request_id
from core.errors import DomainError

log = structlog.get_logger()


def check(user: User, *, feature: str, enabled: bool = True) -> None:
    """Let the person pass, or refuse at the first gate that is closed: role, game enabled, age, terms.

    Reads the loaded user and settings only (no statement), so it may be asked under locks. `feature` is what is
    about to be used ("slots", "menus"): no gate tells features apart yet, exclusion and place will.

    Raises:
        RoleNotAllowed, GameDisabled, AgeVerificationRequired, TermsNotAccepted: nothing was written.
    """
    if user.role != Role.USER:
        raise RoleNotAllowed
    if not enabled:
        raise GameDisabled
    if user.verified_at is None:
        raise AgeVerificationRequired
    if user.terms_version < settings.TERMS_VERSION:
        raise TermsNotAccepted(currentVersion=settings.TERMS_VERSION)


def policy_version() -> str:
    """Name the set of rules in force; a record of a refusal carries it."""
    return f"terms-{settings.TERMS_VERSION}"


def record_refusal(*, user_id: UUID, feature: str, refusal: DomainError, gate: str = "") -> None:
    """Write one `Refusal` row in a short transaction of its own; call it after the refused command rolled back.

    A gate of another app gives its own name in `gate`. A row that cannot be written is logged and given up: the
    refusal itself stands (PRODUCT.md §4).
    """
    named = gate or getattr(refusal, "gate", "")
    try:
        with transaction.atomic():
            Refusal.objects.create(
                user_id=user_id,
                feature=feature,
                gate=named,
                code=refusal.code,
                policy_version=policy_version(),
                request_id=request_id(),
            )
    except DatabaseError:
        log.exception("refusal_not_recorded", user_id=str(user_id), feature=feature, gate=named, code=refusal.code)
