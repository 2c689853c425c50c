"""E-mail addresses: whose, whether confirmed, and one-time links by mail.

Links read the wall clock, as django-allauth and Django do: `demo_clock` does not move their end.
"""

from uuid import UUID

from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.contrib.auth.hashers import make_password
from django.contrib.auth.tokens import default_token_generator

from accounts import sessions
from accounts.errors import LinkDead
from accounts.models import User
from accounts.services.people import locked
from core.clock import db_now
from core.db import command, first_or_not_found
from core.errors import NotFound


def normalised(email: str) -> str:
    """Return an address as it is stored and compared: in lower case, without space around it."""
    return email.strip().lower()


def owner_of(email: str) -> User | None:
    """Return the account that may sign in and has this address, confirmed or not (one statement)."""
    return User.objects.filter(email__iexact=normalised(email), is_active=True).exclude(email="").first()


def named(username: str) -> User:
    """Return the account with this name (one statement). Raises NotFound."""
    return first_or_not_found(User.objects.filter(username=User.normalize_username(username)))


def holder_of(email: str) -> User | None:
    """Return the account with this address, deactivated or not (one statement)."""
    return User.objects.filter(email__iexact=normalised(email)).exclude(email="").first()


def add_unconfirmed(user: User) -> None:
    """Note that the account's address must be confirmed before its owner can sign in."""
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)


def is_unconfirmed(user: User) -> bool:
    """Return whether an address waits to be confirmed. Accounts made by staff have none that does."""
    if not user.email or user.email_confirmed_at is not None:
        return False
    return bool(EmailAddress.objects.filter(user=user, verified=False).exists())


def confirmation_key(user: User) -> str:
    """Return the key of a link that confirms the account's address once, within a day. Raises NotFound."""
    waiting = EmailAddress.objects.filter(user=user, email=user.email, verified=False).first()
    if waiting is None:
        raise NotFound
    key: str = EmailConfirmationHMAC.create(waiting).key
    return key


def may_confirm(key: str) -> bool:
    """Return whether the link with this key still works."""
    return EmailConfirmationHMAC.from_key(key) is not None


def confirm_address(key: str) -> None:
    """Confirm the address that a link names. Locks the account's row. Raises LinkDead: nothing was written."""

    def work() -> None:
        user = locked(_address_of(key).user_id)
        _confirm(user, str(_address_of(key).email))  # read under the lock: of two uses at once the second is refused

    command(work)


def reset_token(user: User) -> str:
    """Return the token of a link to a new password: it works once, for an hour, until the next sign-in."""
    return default_token_generator.make_token(user)


def owner_of_reset(user_id: UUID, token: str) -> User:
    """Return the account of a link to a new password. Raises LinkDead."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not default_token_generator.check_token(user, token):
        raise LinkDead
    return user


def reset_password(user_id: UUID, token: str, password: str) -> None:
    """Set a new password by a link, which also confirms the address that it was sent to. Locks the account's row.

    Ends every session and all tokens. The caller has checked the password's strength. Raises LinkDead.
    """
    hashed = make_password(password)

    def work() -> None:
        locked(owner_of_reset(user_id, token).pk)
        user = owner_of_reset(user_id, token)  # of two uses at once the second sees the first one's password
        user.password, user.password_changed_at, user.must_change_password = hashed, db_now(), False
        user.save(update_fields=["password", "password_changed_at", "must_change_password"])
        sessions.end_all(user.pk)
        _confirm(user, user.email)

    command(work)


def _address_of(key: str) -> EmailAddress:
    found = EmailConfirmationHMAC.from_key(key)
    if found is None:
        raise LinkDead
    return found.email_address


def _confirm(user: User, email: str) -> None:
    changed = EmailAddress.objects.filter(user=user, email=email, verified=False).update(verified=True)
    if changed or user.email_confirmed_at is None:
        user.email_confirmed_at = db_now()
        user.save(update_fields=["email_confirmed_at"])
