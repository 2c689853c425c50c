"""`manage.py export_spins FOLDER`: write all stored spins in the form of archives, for `verify_archive.py`."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from slots import services
from slots.errors import ArchiveRefused


class Command(BaseCommand):
    help = "Export the stored spins into a new folder, a folder a month, signed like an archive."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="a folder that is empty or does not exist")
        parser.add_argument("--user", type=UUID, help="only this player's spins (public id)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            written = services.export_spins(options["folder"], only=options["user"])
        except ArchiveRefused as refused:
            raise CommandError(str(refused)) from refused
        for each in written:
            self.stdout.write(f"{each.folder}: {each.spins} spins")
        self.stdout.write(f"signed by {services.public_key()}")
