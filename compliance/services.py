"""The gates, in the order of PRODUCT.md §4, and the record of their refusals."""

from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction

from accounts.models import Role, User
from compliance.errors import AgeVerificationRequired, GameDisabled, RoleNotAllowed, TermsNotAccepted
from compliance.models import Refusal
from core.context import request_id
from core.errors import DomainError

__all__ = ["check", "record_refusal"]

log = structlog.get_logger()


def check(user: User, *, feature: str, enabled: bool = True) -> None:
    """Check the gates in order: role, game enabled, age, terms.

    Reads the loaded user and settings only (no statement), so it may be called under locks. `feature` ("slots",
    "menus") is for exclusions and place; no gate distinguishes features yet.

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
    """Return the name of the rules in force, recorded with each refusal."""
    return f"terms-{settings.TERMS_VERSION}"


def record_refusal(*, user_id: UUID, feature: str, refusal: DomainError, gate: str = "") -> None:
    """Write one `Refusal` row in its own transaction; call it after the refused command was rolled back.

    A gate of another app passes its name as `gate`. A row that cannot be written is logged: the refusal is answered
    all the same (PRODUCT.md §4).
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
