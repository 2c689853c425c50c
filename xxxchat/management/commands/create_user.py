"""Create a person: `manage.py create_user NAME --role performer`."""

import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.admin.models import ADDITION, LogEntry
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Role
from core.db import command
from core.errors import ValidationFailed
from xxxchat.people import create_person

GENERATED_BYTES = 12


class Command(BaseCommand):
    help = (
        "Create an account with wallets (and a performer's profile and queue). Prints a first password once, or reads "
        "it from standard input; it must be changed at the first sign-in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--display-name", default="", help="a performer's stage name; default: the user name")
        parser.add_argument("--email", default="")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    def handle(self, *args: Any, password_stdin: bool, **options: Any) -> None:
        password = sys.stdin.readline().rstrip("\r\n") if password_stdin else secrets.token_urlsafe(GENERATED_BYTES)
        facts = {name: options[name] for name in ("username", "display_name", "email")}

        def work() -> None:
            user = create_person(role=Role(options["role"]), password=password, **facts)
            LogEntry.objects.log_actions(
                user.pk, [user], ADDITION, change_message="By manage.py create_user.", single_object=True
            )

        try:
            command(work)
        except ValidationFailed as refusal:
            faults = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in refusal.details.items())
            raise CommandError(f"Nothing was created. {faults}") from refusal
        self.stdout.write(f"{options['username']} was created with role {options['role']}.")
        if not password_stdin:
            self.stdout.write(f"First password, shown once: {password}")
