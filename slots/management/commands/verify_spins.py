"""`manage.py verify_spins`: walk every user's hash chain and draw each spin again. Exits 1 when something is off."""

import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from slots import services


class Command(BaseCommand):
    help = "Prove that the stored spins are the ones that were played."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", type=UUID, help="walk only this user's spins (public id)")
        parser.add_argument("--json", action="store_true", help="print the findings as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = services.verify(user_id=options["user"])
        if options["json"]:
            self.stdout.write(json.dumps({"findings": [asdict(finding) for finding in findings]}))
        else:
            for finding in findings:
                self.stdout.write(f"{finding.check} {finding.subject}: {finding.problem}")
            self.stdout.write(f"{len(findings)} findings")
        if findings:
            raise CommandError("the stored spins are not the ones that were played", returncode=1)
