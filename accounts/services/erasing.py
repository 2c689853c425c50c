"""Erasing an account: asked for, called off, and carried out in two rounds (ADR 0083)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.contenttypes.models import ContentType
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts import sessions
from accounts.errors import CannotErase, ErasureClosed
from accounts.models import Erasure, Role, UsedCode, User
from accounts.services.exporting import drop_exports
from accounts.services.people import deactivate, locked
from core.clock import db_now
from core.db import first_or_not_found, joined

SETTLES = timedelta(seconds=60)
"""Between the rounds: what was under way when the account was closed has ended, or holds something."""


@dataclass(frozen=True)
class ErasureView:
    """A request that has not been called off."""

    asked_at: datetime
    closed_at: datetime | None
    done_at: datetime | None


def erasure_of(user_id: UUID) -> ErasureView | None:
    """Return the request to erase this account, None without one (one statement)."""
    found = Erasure.objects.filter(user_id=user_id, cancelled_at=None)
    row = found.values("asked_at", "closed_at", "done_at").first()
    return ErasureView(**row) if row else None


def ask_erasure(*, user_id: UUID, actor: User, reason: str = "") -> bool:
    """Note that an account is to be erased; return False if that was noted before. Locks its row.

    Raises:
        NotFound; CannotErase: a performer, staff or a service account. Nothing was written.
    """
    with joined():
        user = locked(user_id)
        if user.role != Role.USER:
            raise CannotErase
        if Erasure.objects.filter(user=user, cancelled_at=None).exists():
            return False
        Erasure.objects.create(user=user, actor=actor.pk, reason=reason)
        return True


def cancel_erasure(*, user_id: UUID) -> bool:
    """Call an erasure off; return False if there is none. Locks the account's row.

    Raises:
        ErasureClosed: it is being carried out; nothing was written.
    """
    with joined():
        user = locked(user_id)
        found = Erasure.objects.filter(user=user, cancelled_at=None).first()
        if found is None:
            return False
        if found.closed_at is not None:
            raise ErasureClosed
        Erasure.objects.filter(pk=found.pk).update(cancelled_at=db_now())
        return True


def erasures_waiting(*, at_most: int) -> list[UUID]:
    """Return whose erasure is not done, the oldest first (one statement)."""
    waiting = Erasure.objects.filter(cancelled_at=None, done_at=None).order_by("id")
    return list(waiting.values_list("user_id", flat=True)[:at_most])


def close_for_erasure(user_id: UUID) -> User | None:
    """Take the next step of an erasure for an account that has nothing open; return its user once it may be emptied.

    The first round ends every session and refuses each sign-in; a later one, a minute after it, returns the user with
    the row locked, and the caller then empties what other apps hold and calls `empty_account`. None: nothing to do now.
    """
    with joined():
        user = locked(user_id)
        row = Erasure.objects.filter(user=user, cancelled_at=None, done_at=None).first()
        if row is None:
            return None
        now = db_now()
        if row.closed_at is None:
            deactivate(user_id)
            Erasure.objects.filter(pk=row.pk).update(closed_at=now)
            return None
        return user if row.closed_at + SETTLES <= now else None


def empty_account(user: User) -> None:
    """Delete what accounts holds of a person but the row itself, which keeps its id, role and times."""
    with joined():
        AccessAttempt.objects.filter(username=user.username).delete()
        EmailAddress.objects.filter(user=user).delete()
        Authenticator.objects.filter(user=user).delete()
        UsedCode.objects.filter(user=user).delete()
        OutstandingToken.objects.filter(user=user).delete()
        sessions.end_all(user.pk)
        drop_exports(user.pk)
        about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk))
        about.update(object_repr=str(user.pk))
        now = db_now()
        User.objects.filter(pk=user.pk).update(
            username=f"erased-{user.pk.hex}",
            email="",
            password=make_password(None),
            date_of_birth=None,
            verified_at=None,
            email_confirmed_at=None,
            last_login=None,
            is_active=False,
            erased_at=now,
        )
        first_or_not_found(Erasure.objects.filter(user=user, cancelled_at=None, done_at=None))
        Erasure.objects.filter(user=user, cancelled_at=None).update(done_at=now)
