"""`manage.py loyalty_rounds`: the rounds of RedRoomRewards without beat and without a worker."""

import signal
import threading
from collections.abc import Callable
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, close_old_connections

from core.errors import DomainError
from loyalty.services import rounds

EVERY_S = 1.0
log = structlog.get_logger()


class Command(BaseCommand):
    help = "Deliver, ask for open deducts, queue earnings and follow events, again and again, until SIGTERM or SIGINT."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round of each, then exit")
        parser.add_argument("--every", type=float, default=EVERY_S, help="seconds between rounds")
        parser.add_argument("--compare", action="store_true", help="only compare yesterday with their ledger")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["compare"]:
            self.stdout.write(f"compared={rounds.compare()}")
            return
        if options["once"]:
            done = {name: work() for name, work in _works().items()}
            self.stdout.write(" ".join(f"{name}={number}" for name, number in done.items()))
            return
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        while not stopped.wait(options["every"]):
            for name, work in _works().items():
                try:
                    work()
                except (DatabaseError, DomainError):
                    log.exception("loyalty_round_failed", round=name)  # the next one tries again: all is in rows
                    close_old_connections()


def _works() -> dict[str, Callable[[], int]]:
    return {
        "reconciled": rounds.reconcile,
        "earned": rounds.earn,
        "delivered": rounds.deliver,
        "followed": rounds.follow_events,
    }
