"""`manage.py demo_clock --forward 25h | --reset`: move the clock of a demo or test."""

import re
from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError

from core.moving import ClockIsReal, move_clock

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
MOST = timedelta(days=3660)


def span(text: str) -> timedelta:
    """Read `25h`: a whole number of seconds, minutes, hours or days, up to ten years."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    asked = timedelta(**{UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not timedelta() < asked <= MOST:
        raise ArgumentTypeError("a whole number of s, m, h or d, such as 25h, up to 3660d")
    return asked


class Command(BaseCommand):
    help = (
        "Set how far the clock of a demo or test runs ahead of the real one (a second call replaces the first) "
        "and end the database's sessions, so that every process has the new time."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--forward", type=span, metavar="SPAN", help="such as 90s, 30m, 25h or 7d")
        which.add_argument("--reset", action="store_true", help="back to the real time")

    def handle(self, *args: Any, **options: Any) -> None:
        to = options["forward"] or timedelta()
        try:
            ended = move_clock(to)
        except ClockIsReal:
            raise CommandError("Refused: only the clock of a demo or test moves (APP_MODE).") from None
        except ProgrammingError as error:
            raise CommandError(f"DATABASE_URL must be the address of the database's owner: {error}") from None
        ahead = f"{to} ahead of the real time" if to else "the real time"
        self.stdout.write(f"The clock shows {ahead}. {ended} sessions were ended.")
