"""`manage.py seed_reference`: paytables, spin partitions, message templates. Run it after each migrate; idempotent."""

from typing import Any

from django.core.management.base import BaseCommand

from xxxchat.reference_data import seed_reference


class Command(BaseCommand):
    help = "Put in place the rows that the product cannot run without."

    def handle(self, *args: Any, **options: Any) -> None:
        seed_reference()
