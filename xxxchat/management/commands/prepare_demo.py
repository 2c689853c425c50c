"""`manage.py prepare_demo`: everything between a database that answers and a stack's parts, in one process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection


class Command(BaseCommand):
    help = "Run `migrate`, `guard_ledger --role NAME` and, as that role, `seed_demo`."
    requires_system_checks = ()  # migrate runs them, those of the database too

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--role", help="who will run the product, with the owner's password; else it is the owner")

    def handle(self, *args: Any, **options: Any) -> None:
        role = options["role"]
        with self._named("migrate"):
            call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
        if role:
            with self._named("guard_ledger"):
                call_command("guard_ledger", role=role, verbosity=0)
            connection.close()
            connection.settings_dict["USER"] = role
        with self._named("seed_demo"):
            call_command("seed_demo", stdout=self.stdout)

    @contextmanager
    def _named(self, step: str) -> Iterator[None]:
        """Print the step's name before an error ends the process."""
        try:
            yield
        except Exception:
            self.stderr.write(f"`manage.py {step}` failed.")
            raise
