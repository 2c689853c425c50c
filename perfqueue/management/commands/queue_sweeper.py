"""`manage.py queue_sweeper`: the sweep with PostgreSQL alone. Always runs beside beat."""

import signal
import threading
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, close_old_connections

from core.errors import DomainError
from perfqueue import services

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
        while not stopped.wait(options["every"]):
            try:
                services.sweep("sweeper")
            except (DatabaseError, DomainError):
                log.exception("sweep_round_failed")  # the next round tries again; deadlines stay in their columns
                close_old_connections()
