"""`manage.py read_archive`: check the archives of spins, look one spin up, or load a month into a table to be read."""

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from slots import services
from slots.errors import ArchiveRefused
from slots.management.months import month


class Command(BaseCommand):
    help = "Read the archives of spins in ARCHIVE_FOLDER."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--check", action="store_true", help="replay all archives, or that of --month")
        what.add_argument("--spin", type=UUID, help="print one spin as JSON")
        what.add_argument("--restore", action="store_true", help="load --month into archived.slots_spin_YYYYMM")
        parser.add_argument("--month", type=month, help="a month, as 2026-10")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._read(options)
        except ArchiveRefused as refused:
            raise CommandError(str(refused)) from refused

    def _read(self, options: dict[str, Any]) -> None:
        if options["spin"]:
            spin = services.archived_spin(options["spin"])
            if spin is None:
                raise CommandError("No archive has this spin.")
            self.stdout.write(json.dumps(spin, indent=1, ensure_ascii=False))
        elif options["check"]:
            if defects := services.check_archives(month=options["month"]):
                raise CommandError("\n".join(defects), returncode=1)
            self.stdout.write("0 defects")
        elif options["month"] is None:
            raise CommandError("--restore needs --month.")
        else:
            self.stdout.write(services.restore_spins(options["month"]))
