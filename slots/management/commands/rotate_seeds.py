"""`manage.py rotate_seeds`: seal by SEED_KEY what other keys have sealed. Exits 1 if a seed does not open."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from slots import services


class Command(BaseCommand):
    help = "Seal every seed of the slot machine by SEED_KEY, so that an older key may be dropped. May be repeated."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", action="store_true", help="only count the seeds of each key")

    def handle(self, *args: Any, **options: Any) -> None:
        rotation = None if options["count"] else services.rotate_seeds()
        newest = services.newest_key_id()
        for key, states in services.states_by_key().items():
            self.stdout.write(f"key {key}{' (SEED_KEY)' if key == newest else ''}: {states} seeds")
        if rotation is None:
            return
        self.stdout.write(f"{rotation.sealed} seeds sealed anew")
        if rotation.broken:
            users = ", ".join(map(str, rotation.broken))
            raise CommandError(f"No key in the settings opens the seeds of: {users}", returncode=1)
