"""Second factors: a time-based code (TOTP), recovery codes, and the code before a step that needs one.

Invariant: a time step's code is used once, whatever it is asked for (`accounts_usedcode`).
"""

import base64
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings

from accounts.errors import FactorIsOn, StepUpRequired, WrongCode
from accounts.models import Attempt, UsedCode, User
from accounts.sealing import unseal
from accounts.services import throttling
from accounts.services.people import locked
from core.clock import db_now
from core.db import command, rows
from core.errors import Throttled
from core.ids import new_id

USE = """
INSERT INTO accounts_usedcode (id, user_id, step) VALUES (%s, %s, %s)
    ON CONFLICT (user_id, step) DO NOTHING RETURNING step
"""
KEPT = timedelta(days=1)
PROPOSED = "xxxchat/second-factor/proposed/v1"


@dataclass(frozen=True)
class Factor:
    """Whether an account has a second factor, and how many recovery codes it has left."""

    is_on: bool
    codes_left: int = 0


def factor_of(user: User) -> Factor:
    """Return the state of a person's second factor (one statement)."""
    kinds = {each.type: each for each in Authenticator.objects.filter(user=user)}
    if Authenticator.Type.TOTP not in kinds:
        return Factor(is_on=False)
    codes = kinds.get(Authenticator.Type.RECOVERY_CODES)
    return Factor(is_on=True, codes_left=len(RecoveryCodes(codes).get_unused_codes()) if codes else 0)


def has_factor(user_id: UUID) -> bool:
    """Return whether this account has a second factor (one statement)."""
    return bool(Authenticator.objects.filter(user_id=user_id, type=Authenticator.Type.TOTP).exists())


def proposed_secret(user: User, session_key: str) -> str:
    """Return the secret that this session may give its authenticator, in base32: the same until it is set up.

    It follows from `SECOND_FACTOR_KEY`, so that a page can show it without writing it anywhere.
    """
    subject = f"{PROPOSED}:{user.pk}:{user.password}:{session_key}".encode()
    return base64.b32encode(hmac.digest(settings.SECOND_FACTOR_KEY, subject, "sha256")[:20]).decode()


def set_up_factor(*, user: User, secret: str, code: str) -> list[str]:
    """Give an account its second factor, once a code proves that the authenticator has it; return recovery codes.

    Locks the account's row. The code is used by it.

    Raises:
        WrongCode, Throttled: the attempt was counted; FactorIsOn: nothing was written.
    """
    with _counted(user):
        step = _step_of(secret, code)

    def work() -> list[str]:
        locked(user.pk)
        if has_factor(user.pk):
            raise FactorIsOn
        _use_step(user.pk, step)
        totp.TOTP.activate(user, secret)
        return _new_codes(user)

    return command(work)


def renew_recovery_codes(*, user: User, code: str) -> list[str]:
    """Replace the recovery codes by new ones. Locks the account's row. Raises WrongCode, Throttled."""
    with _counted(user):
        step = _current_step(user.pk, code)

    def work() -> list[str]:
        locked(user.pk)
        _use_step(user.pk, step)
        return _new_codes(user)

    return command(work)


def remove_factor(*, user: User, code: str) -> None:
    """Remove the second factor with its recovery codes, by a code of either. Raises WrongCode, Throttled."""

    def work() -> None:
        _spend(user, code)
        Authenticator.objects.filter(user=user).delete()

    with _counted(user):
        command(work)


def spend(*, user: User, code: str) -> None:
    """Use up a code of the authenticator or a recovery code, for a sign-in.

    Raises:
        WrongCode: it is wrong or was used, and the attempt was counted; Throttled: it was not looked at.
    """
    with _counted(user):
        command(lambda: _spend(user, code))


def assert_step_up(user: User, code: str) -> None:
    """Check the code that comes with a finance operation, before its transaction; `use_step_up` uses it up inside.

    No effect where `settings.RELAXED` is on.

    Raises:
        StepUpRequired: there is no second factor, or the code is missing, wrong, used, or one of too many.
    """
    if settings.RELAXED:
        return
    if not code:
        raise StepUpRequired
    try:
        with _counted(user):
            step = _current_step(user.pk, code)
    except (WrongCode, Throttled) as refusal:
        raise StepUpRequired from refusal
    if UsedCode.objects.filter(user=user, step=step).exists():
        raise StepUpRequired


def use_step_up(user: User, code: str) -> None:
    """Use up the code in the open transaction of the operation: of two operations with one code, one goes through.

    No effect where `settings.RELAXED` is on. Raises StepUpRequired.
    """
    if settings.RELAXED:
        return
    try:
        _use_step(user.pk, _current_step(user.pk, code))
    except WrongCode as refusal:
        raise StepUpRequired from refusal


def prune_codes() -> int:
    """Delete used codes and attempts that are over, a day later; return how many."""
    until = db_now() - KEPT
    return sum(model._default_manager.filter(at__lt=until).delete()[0] for model in (UsedCode, Attempt))


@contextmanager
def _counted(user: User) -> Iterator[None]:
    """Count an attempt, and set the count back when it succeeds. Raises Throttled."""
    throttling.count(throttling.CODES, user.pk)
    yield
    throttling.forget(throttling.CODES, user.pk)


def _spend(user: User, code: str) -> None:
    locked(user.pk)
    try:
        step = _current_step(user.pk, code)
    except WrongCode:
        codes = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
        if codes is None or not code.isascii() or not RecoveryCodes(codes).validate_code(code):
            raise
    else:
        _use_step(user.pk, step)


def _current_step(user_id: UUID, code: str) -> int:
    found = Authenticator.objects.filter(user_id=user_id, type=Authenticator.Type.TOTP).first()
    if found is None:
        raise WrongCode
    return _step_of(unseal(found.data["secret"]), code)


def _step_of(secret: str, code: str) -> int:
    """Return the time step that a code belongs to; the wall clock decides, as on the phone. Raises WrongCode."""
    typed = code.replace(" ", "")
    if typed.isascii():
        for step in totp.yield_hotp_counters_from_time():
            if secrets.compare_digest(totp.format_hotp_value(totp.hotp_value(secret, step)), typed):
                return int(step)
    raise WrongCode


def _use_step(user_id: UUID, step: int) -> None:
    if not rows(USE, [new_id(), user_id, step]):
        raise WrongCode


def _new_codes(user: User) -> list[str]:
    Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).delete()
    codes: list[str] = RecoveryCodes.activate(user).get_unused_codes()
    return codes
