"""People: creating accounts, what they are called, and whether they may sign in."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts import sessions
from accounts.errors import ErasureClosed
from accounts.models import Erasure, PerformerProfile, Role, User
from core.clock import db_now
from core.db import first_or_not_found, joined
from core.errors import ValidationFailed
from core.text import fault_of_title

FIELD_NAMES = {"display_name": "displayName"}


def create_user(
    *,
    username: str,
    password: str | None = None,
    hashed_password: str | None = None,
    role: Role = Role.USER,
    verified: bool = False,
    terms_version: int = 0,
    **fields: Any,
) -> User:
    """Create an account, without wallets, which are escrow's.

    Without either password nobody can sign in with it. `hashed_password` is the output of Django's hasher.

    Raises:
        ValidationFailed: the name has control or only invisible characters; nothing was written.
    """
    _assert_titles(username=username)
    user = User(
        username=User.normalize_username(username),
        role=role,
        verified_at=db_now() if verified else None,
        terms_version=terms_version,
        **fields,
    )
    user.password = hashed_password or make_password(password)
    user.save(force_insert=True)
    return user


def add_person(*, username: str, password: str, role: Role, display_name: str = "", email: str = "") -> User:
    """Create an account for somebody else: unverified, no terms accepted, the password to be changed at first sign-in.

    A performer gets a profile; without a stage name it is the user name. Wallets and queue are other apps'.

    Raises:
        ValidationFailed: the name is taken or cannot be used, or the password is too weak: nothing was written.
    """
    user = User(username=User.normalize_username(username), role=role, email=email, must_change_password=True)
    profile = PerformerProfile(user=user, display_name=display_name or username)
    _assert_valid(user, profile, password)
    user.password = make_password(password)
    with joined():
        user.save(force_insert=True)
        if role == Role.PERFORMER:
            profile.save(force_insert=True)
    return user


def faults_of(*, username: str, email: str, password: str) -> dict[str, list[str]]:
    """Return what is wrong with name and password of a new account, by field; a known address is no fault here."""
    user = User(username=User.normalize_username(username), email=email)
    try:
        _assert_valid(user, PerformerProfile(user=user, display_name="x"), password, but=("email",))
    except ValidationFailed as error:
        return {name: list(error.details[name]) for name in ("username", "password") if name in error.details}
    return {}


def _assert_valid(user: User, profile: PerformerProfile, password: str, but: Sequence[str] = ()) -> None:
    faults: dict[str, Any] = {}
    checks: list[tuple[str, Callable[[], object]]] = [
        ("", lambda: user.full_clean(exclude=["password", "id", *but], validate_constraints=not but)),
        ("", lambda: profile.full_clean(exclude=["user"])),
        ("password", lambda: validate_password(password, user)),
    ]
    for name, check in checks:
        try:
            check()
        except ValidationError as error:
            faults |= error.message_dict if hasattr(error, "error_dict") else {name: error.messages}
    if User.objects.filter(username__iexact=user.username).exists():
        faults.setdefault("username", ["A user with that username already exists."])
    if faults:
        raise ValidationFailed(**{FIELD_NAMES.get(name, name): texts for name, texts in faults.items()})


def create_performer(
    *,
    username: str,
    display_name: str,
    tagline: str = "",
    poster: str = "voice",
    fee_bps: int | None = None,
    **person: Any,
) -> User:
    """Create a performer and her profile in one transaction; `person` goes to `create_user`.

    Raises:
        ValidationFailed: a name has control or only invisible characters; nothing was written.
    """
    _assert_titles(displayName=display_name, tagline=tagline)
    with joined():
        user = create_user(username=username, role=Role.PERFORMER, **person)
        PerformerProfile.objects.create(
            user=user, display_name=display_name, tagline=tagline, poster=poster, fee_bps=fee_bps
        )
    return user


def deactivate(user_id: UUID) -> bool:
    """Refuse every sign-in of an account from now on, and end its sessions and tokens for good. Locks its row.

    A performer's queue is closed first: `perfqueue.services.deactivate` does both. Return whether anything changed.

    Raises:
        NotFound: nothing was written.
    """
    with joined():
        user = locked(user_id)
        if not user.is_active:
            return False
        user.is_active, user.sign_in_epoch = False, user.sign_in_epoch + 1
        user.save(update_fields=["is_active", "sign_in_epoch"])
        sessions.end_all(user_id)
        return True


def reactivate(user_id: UUID) -> bool:
    """Allow the account to sign in again; return whether anything changed. Locks its row.

    Raises:
        NotFound; ErasureClosed: it is being erased, or was. Nothing was written.
    """
    with joined():
        user = locked(user_id)
        if user.is_active:
            return False
        if Erasure.objects.filter(user=user, closed_at__isnull=False).exists():
            raise ErasureClosed
        user.is_active = True
        user.save(update_fields=["is_active"])
        return True


def locked(user_id: UUID) -> User:
    """Return the account, its row locked for an update. Raises NotFound."""
    return first_or_not_found(User.objects.select_for_update(no_key=True).filter(pk=user_id))


def record_age(user_id: UUID, *, verified: bool, date_of_birth: date | None) -> User:
    """Write whether an account's age is proven, and its date of birth unless that is None. Locks its row.

    The decision itself is a record of compliance. Raises NotFound: nothing was written.
    """
    with joined():
        user = locked(user_id)
        user.verified_at = db_now() if verified else None
        user.date_of_birth = date_of_birth or user.date_of_birth
        user.save(update_fields=["verified_at", "date_of_birth"])
        return user


def display_name(user: User) -> str:
    """Return a performer's stage name, else the user name (at most one statement)."""
    return display_names([user])[user.pk]


def display_names(users: Iterable[User]) -> dict[Any, str]:
    """Return the display name of each, by id (at most one statement)."""
    users = list(users)
    performers = [user.pk for user in users if user.role == Role.PERFORMER]
    profiles = PerformerProfile.objects.filter(pk__in=performers)
    stage_names = dict(profiles.values_list("pk", "display_name")) if performers else {}
    return {user.pk: stage_names.get(user.pk, user.username) for user in users}


def is_performer(user_id: UUID, *, including_former: bool = False) -> bool:
    """Return whether this is an active performer or, with `including_former`, was one (one statement)."""
    performers = User.objects.filter(pk=user_id, role=Role.PERFORMER)
    return (performers if including_former else performers.filter(is_active=True)).exists()


def _assert_titles(**texts: str) -> None:
    faults: dict[str, Any] = {name: [fault] for name, text in texts.items() if (fault := fault_of_title(text))}
    if faults:
        raise ValidationFailed(**faults)
