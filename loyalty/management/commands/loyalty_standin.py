"""`manage.py loyalty_standin`: a stand-in RedRoomRewards for demo, tests and benchmarks, until SIGTERM or SIGINT."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.standin import Credentials, Options, run


class Command(BaseCommand):
    help = "Answer as RedRoomRewards does, with faults by command; its credentials are the product's own settings."
    requires_system_checks = ()  # it uses nothing of the product

    def add_arguments(self, parser: CommandParser) -> None:
        Options.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.APP_MODE not in ("demo", "test"):
            raise CommandError("The stand-in is for APP_MODE=demo and test; this is production.")
        if not (settings.RRR_CLIENT_ID and settings.RRR_CLIENT_SECRET):
            raise CommandError("RRR_CLIENT_ID and RRR_CLIENT_SECRET are not set: nobody could get a token.")
        credentials = Credentials(settings.RRR_CLIENT_ID, settings.RRR_CLIENT_SECRET, settings.RRR_WEBHOOK_SECRET)
        run(Options.of(options), credentials, self.stdout.write)
