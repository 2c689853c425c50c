"""Who may enter the back office: staff and performers, by role."""

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts.models import STAFF_ROLES, Role, User
from accounts.services import must_change_password

BACK_OFFICE_ROLES: frozenset[str] = STAFF_ROLES | {Role.PERFORMER}


def has_role(user: User | AnonymousUser) -> bool:
    """Return whether this is an active account of staff or of a performer."""
    return isinstance(user, User) and user.is_active and user.role in BACK_OFFICE_ROLES


def may_enter(user: User | AnonymousUser) -> bool:
    """Return whether this account has such a role and a password of its own."""
    return has_role(user) and not must_change_password(user)


def signed_in(request: HttpRequest) -> User:
    """Return the request's user. Raises PermissionDenied if there is none."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def is_performer(request: HttpRequest) -> bool:
    """Return whether the request's user is a performer, who may reach her own rows only."""
    return signed_in(request).role == Role.PERFORMER
