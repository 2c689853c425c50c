"""`manage.py detach_spins`: detach the months of spins that are too old, as beat does; as the owner, concurrently."""

from typing import Any

from django.core.management.base import BaseCommand

from slots import services


class Command(BaseCommand):
    help = "Detach the months of spins beyond the 18 that stay, once archived and replayed without defects."

    def handle(self, *args: Any, **options: Any) -> None:
        detached = services.detach_months()
        for month in detached:
            self.stdout.write(f"{month:%Y-%m}: detached")
        if not detached:
            self.stdout.write("Nothing was detached: no month is too old, or the oldest has defects or is locked.")
