"""Publishes one more version of a demo's terms: `make manage CMD="demo_terms --next"`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from compliance.services import publish_demo_terms
from core.db import command
from core.errors import Forbidden


class Command(BaseCommand):
    help = "Publish one more version of the terms of a demo or test; everybody must accept it."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--next", action="store_true", help="a new text")
        which.add_argument("--reset", action="store_true", help="the first text again, as a new version")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            version = command(lambda: publish_demo_terms(first=options["reset"]))
        except Forbidden as error:
            raise CommandError("Only a demo or a test publishes terms by this command.") from error
        self.stdout.write(f"Version {version} of the terms is in force.")
