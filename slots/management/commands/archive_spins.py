"""`manage.py archive_spins`: write the archives of months that are over, as beat does. Exits 1 if one has defects."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from slots import services
from slots.errors import ArchiveRefused
from slots.management.months import month


class Command(BaseCommand):
    help = "Archive the spins of all months that are over, sign them, and replay what was written."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", type=month, help="the last month to archive, as 2026-10")
        parser.add_argument("--public-key", action="store_true", help="only print the public key of archives")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["public_key"]:
            self.stdout.write(services.public_key())
            return
        try:
            archived = services.archive_spins(month=options["month"])
        except ArchiveRefused as refused:
            raise CommandError(str(refused)) from refused
        for each in archived:
            self.stdout.write(f"{each.month:%Y-%m}: {each.spins} spins archived")
        if not archived:
            self.stdout.write("Nothing was archived: no month is due, or another process archives.")
        if defects := [defect for each in archived for defect in each.defects]:
            raise CommandError("\n".join(defects), returncode=1)
