"""`manage.py guard_ledger --role NAME`: let NAME run the product without being able to write the ledger's tables."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from xxxchat.guarding import guard


class Command(BaseCommand):
    help = "Grant a role what web and workers need, and keep it out of the ledger's tables. Run after each migrate."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--role", required=True, help="an existing role; DATABASE_URL is the owner's")

    def handle(self, *args: Any, **options: Any) -> None:
        done = guard(options["role"])
        if options["verbosity"] > 1:
            for statement in done:
                self.stdout.write(f"{statement};")
        if options["verbosity"]:
            self.stdout.write(f"{options['role']} may run the product; the ledger is written by its functions only.")
