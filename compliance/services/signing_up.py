"""What compliance notes when somebody signs up: their age, the terms that they accept, an exclusion that goes on."""

import hmac
from datetime import date

from django.conf import settings

from accounts.models import User
from compliance.calendar import birthday, has_age
from compliance.errors import TermsOutdated
from compliance.models import AgeCase, Break, InheritedExclusion, TermsAcceptance
from compliance.models.breaks import BreakKind
from compliance.services.terms import current_terms_version
from core.clock import db_now
from core.db import joined

MINIMUM_AGE = 18


def may_sign_up_from(born: date) -> date | None:
    """Return the day from which somebody born then may sign up, if it is still to come (one statement)."""
    return None if has_age(born, MINIMUM_AGE, db_now()) else birthday(born, MINIMUM_AGE)


def note_sign_up(user: User, *, terms_version: int, region: str | None = None) -> None:
    """Record that a new person accepted the terms in force, and go on with an exclusion that their address carries.

    Their age waits to be decided, by the policy of the region where they signed up.

    Raises:
        TermsOutdated: it is not the version in force; nothing was written.
    """
    with joined():
        current = current_terms_version()
        if terms_version != current:
            raise TermsOutdated(version=current)
        TermsAcceptance.objects.create(user=user, version_id=terms_version)
        User.objects.filter(pk=user.pk).update(terms_version=terms_version)
        AgeCase.objects.create(user=user, region=region)
        _inherit(user)


def email_hash(email: str) -> bytes:
    """Return the keyed hash of an address, by which an exclusion is inherited; the address cannot be read from it."""
    return hmac.digest(settings.EXCLUSION_HASH_KEY, email.strip().casefold().encode(), "sha256")


def _inherit(user: User) -> None:
    now = db_now()
    found = InheritedExclusion.objects.filter(email_hash=email_hash(user.email)).first()
    if found is not None and (found.until is None or found.until > now):
        Break.objects.create(user=user, kind=BreakKind.EXCLUSION, from_at=now, until=found.until, is_inherited=True)
