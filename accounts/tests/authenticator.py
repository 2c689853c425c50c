"""A person's authenticator, as their phone has it."""

import time
from dataclasses import dataclass, field

import time_machine
from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value

from accounts import services
from accounts.models import User


@dataclass
class Phone:
    """Shows the codes of one secret: each once, the one of a step before where the present one was shown."""

    secret: str
    shown: set[int] = field(default_factory=set)

    def code(self) -> str:
        """Return a code that is valid for at least another step and was not shown before."""
        now = int(time.time()) // 30
        step = next(step for step in (now, now + 1, now - 1) if step not in self.shown)
        self.shown.add(step)
        return self.at(step)

    def at(self, step: int) -> str:
        code: str = format_hotp_value(hotp_value(self.secret, step))
        return code

    def wrong(self) -> str:
        """Return a code that is none of the present ones."""
        now = int(time.time()) // 30
        valid = {self.at(now + each) for each in range(-2, 4)}
        return next(text for text in (f"{number:06}" for number in range(10)) if text not in valid)


def with_factor(user: User) -> tuple[Phone, list[str]]:
    """Set a second factor up; return the phone, whose present codes are still unused, and the recovery codes."""
    phone = Phone(generate_totp_secret())
    frozen = time.time()
    with time_machine.travel(frozen, tick=False):
        old = int(frozen) // 30 - 1
        codes = services.set_up_factor(user=user, secret=phone.secret, code=phone.at(old))
    phone.shown.add(old)
    return phone, codes
