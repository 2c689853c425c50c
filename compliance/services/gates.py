"""The gates, in the order of PRODUCT.md §4."""

from accounts.models import Role
from compliance.calendar import has_age
from compliance.errors import (
    AgeVerificationFailed,
    AgeVerificationRequired,
    GameDisabled,
    JurisdictionBlocked,
    RoleNotAllowed,
    SelfExcluded,
    TermsNotAccepted,
    TimedOut,
)
from compliance.services.standings import Standing

MINIMUM_AGE = 18


def check(standing: Standing, *, feature: str, enabled: bool = True) -> None:
    """Check the gates in order: role, game enabled, excluded or timed out, age, jurisdiction, terms.

    Pure: no statement, no clock. Breaks and policies bar the games "slots" and "wheel"; any other feature passes those
    two gates.

    Raises:
        RoleNotAllowed, GameDisabled, SelfExcluded, TimedOut, AgeVerificationRequired, AgeVerificationFailed,
        JurisdictionBlocked, TermsNotAccepted: nothing was written.
    """
    allowed = {"slots": standing.slots, "wheel": standing.wheel}
    if standing.caller.role != Role.USER:
        raise RoleNotAllowed
    if not enabled:
        raise GameDisabled
    if feature in allowed:
        _check_breaks(standing)
    _check_age(standing)
    if feature in allowed and not allowed[feature]:
        raise JurisdictionBlocked(region=standing.region, feature=feature)
    if standing.caller.terms_version < standing.current_terms:
        raise TermsNotAccepted(version=standing.current_terms)


def _check_breaks(standing: Standing) -> None:
    if standing.is_excluded:
        raise SelfExcluded(until=standing.excluded_until)
    if standing.timed_out_until is not None:
        raise TimedOut(until=standing.timed_out_until)


def _check_age(standing: Standing) -> None:
    """Require that an age was proven, and that it is the region's. An unknown date of birth proves 18 and no more."""
    minimum = standing.minimum_age or MINIMUM_AGE
    if standing.caller.verified_at is None:
        raise AgeVerificationFailed(minimumAge=minimum) if standing.is_rejected else AgeVerificationRequired()
    if standing.date_of_birth is None:
        if minimum > MINIMUM_AGE:
            raise AgeVerificationRequired
    elif not has_age(standing.date_of_birth, minimum, standing.now):
        raise AgeVerificationFailed(minimumAge=minimum)
