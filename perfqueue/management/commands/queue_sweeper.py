"""`manage.py queue_sweeper`: the sweep with PostgreSQL alone, and what beat is late for. Always runs beside beat.

Deadlines wait for no round: late rounds (the setting `ROUNDS`) run in a thread of their own.
"""

import signal
import threading
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, close_old_connections
from django.utils.module_loading import import_string

from core.errors import DomainError
from core.rounds import keep
from perfqueue import services

ROUND_ENDS_WITHIN_S = 2.0
log = structlog.get_logger()


class Command(BaseCommand):
    help = "Carry out passed deadlines, again and again, until SIGTERM or SIGINT."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, then exit")
        parser.add_argument("--every", type=float, default=settings.SWEEP_EVERY_S, help="seconds between rounds")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            self.stdout.write(str(services.sweep("sweeper")))
            return
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        late = threading.Thread(target=keep, args=(import_string(settings.ROUNDS), stopped), daemon=True)
        late.start()
        while not stopped.wait(options["every"]):
            try:
                services.sweep("sweeper")
            except (DatabaseError, DomainError):
                log.exception("sweep_round_failed")  # the next round tries again; deadlines stay in their columns
                close_old_connections()
        late.join(ROUND_ENDS_WITHIN_S)  # what is left of a round is rolled back, and begun again
