"""Creating people with everything that belongs to them."""

from datetime import date

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError

import accounts.services
import compliance.services
import escrow.services
import perfqueue.services
from accounts.models import Role, User
from core.db import command, constraint_of, joined
from core.errors import ValidationFailed


def create_person(*, username: str, password: str, role: Role, display_name: str = "", email: str = "") -> User:
    """Create an account for somebody else, with wallets and, for a performer, profile and queue, in one transaction.

    The person is unverified and must change the password at the first sign-in.

    Raises:
        ValidationFailed: nothing was written.
    """
    with joined():
        user = accounts.services.add_person(
            username=username, password=password, role=role, display_name=display_name, email=email
        )
        escrow.services.open_wallets([user.pk])
        if role == Role.PERFORMER:
            perfqueue.services.make_queues([user.pk])
    return user


def sign_up(
    *, username: str, email: str, password: str, date_of_birth: date, terms_version: int, region: str | None = None
) -> User | None:
    """Create somebody's own account with wallets, unverified, in one transaction; None if the address has one already.

    Nobody can sign in with it until the address is confirmed. The caller has checked age, name and password.

    Raises:
        TermsOutdated: another version is in force; ValidationFailed: the name was taken meanwhile. Nothing was written.
    """
    hashed = make_password(password)  # slow, and so before the transaction, for a known address too

    def work() -> User | None:
        if accounts.services.holder_of(email) is not None:
            return None
        user = accounts.services.create_user(
            username=username, hashed_password=hashed, email=email, date_of_birth=date_of_birth
        )
        accounts.services.add_unconfirmed(user)
        escrow.services.open_wallets([user.pk])
        compliance.services.note_sign_up(user, terms_version=terms_version, region=region)
        return user

    try:
        return command(work)
    except IntegrityError as error:
        if constraint_of(error) == "accounts_user_email_once":
            return None
        raise ValidationFailed(username=["A user with that username already exists."]) from error
