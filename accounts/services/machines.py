"""Service accounts: what another feature may do over the API."""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import Role, Scope, ServiceAccount, User


@dataclass(frozen=True)
class ServiceAccess:
    """What a service account may do over the API."""

    features: list[str]
    scopes: list[str]
    cap_per_user_day: int


def service_account(user: User) -> ServiceAccess | None:
    """Return the rights of the user's service account; None if the user has none (one statement)."""
    accounts = ServiceAccount.objects.filter(user_id=user.pk, user__role=Role.SERVICE)
    row = accounts.values("features", "scopes", "cap_per_user_day").first()
    return None if row is None else ServiceAccess(**row)


def make_service_account(
    user: User, *, features: Iterable[str], scopes: Iterable[Scope], cap_per_user_day: int
) -> None:
    """Create the service account of a user; an existing one is not changed."""
    ServiceAccount.objects.get_or_create(
        user=user, defaults={"features": list(features), "scopes": list(scopes), "cap_per_user_day": cap_per_user_day}
    )
