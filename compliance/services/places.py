"""The policies of regions."""

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import User
from compliance.models import PolicyVersion
from core.db import first_or_not_found, joined, rows
from core.errors import NotFound

DEMO_POLICIES = (("DEMO", True, "The demo allows all."), ("DRY", False, "Where games are refused."))
"""Region, whether games are allowed, and why. The product itself ships no policy and names no country."""


def seed_policies() -> None:
    """Insert the demo's policies into the empty table of a demo or test. Idempotent."""
    if settings.RELAXED and not PolicyVersion.objects.exists():
        rows = [
            PolicyVersion(number=number, region=region, slots=allowed, wheel=allowed, reason=reason)
            for number, (region, allowed, reason) in enumerate(DEMO_POLICIES, start=1)
        ]
        PolicyVersion.objects.bulk_create(rows, ignore_conflicts=True)


def policy_of(region: str) -> PolicyVersion:
    """Return the policy of a region in force (one statement). Raises NotFound if it has none."""
    return first_or_not_found(_versions(region))


def policy_number(region: str | None) -> int:
    """Return the number of a region's policy in force, 0 without one (one statement)."""
    found = _versions(region).values_list("number", flat=True).first() if region else None
    return found or 0


def set_policy(*, region: str, slots: bool, wheel: bool, minimum_age: int, reason: str, author: User) -> PolicyVersion:
    """Add a version of a region's policy, in force from the next spin on, and return it.

    Locks a name (advisory): numbers rise by one. Raises NotFound if the region's text is none.
    """
    if not region:
        raise NotFound
    with joined():
        rows("SELECT pg_advisory_xact_lock(hashtextextended('compliance.policies', 0))")
        last = PolicyVersion.objects.order_by("-number").values_list("number", flat=True).first() or 0
        return PolicyVersion.objects.create(
            number=last + 1,
            region=region,
            slots=slots,
            wheel=wheel,
            minimum_age=minimum_age,
            reason=reason,
            author=author,
        )


def _versions(region: str) -> QuerySet[PolicyVersion]:
    return PolicyVersion.objects.filter(region=region).order_by("-number")
