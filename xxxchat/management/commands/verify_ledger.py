"""`manage.py verify_ledger [--json]`: V1–V8 over the whole ledger. Exit code 1 if anything does not add up."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

import escrow.services
import perfqueue.services

CHECKS = ("V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8")


class Command(BaseCommand):
    help = "Check the ledger's invariants V1 to V8."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = [*escrow.services.verify(), *perfqueue.services.verify()]
        if options["json"]:
            told = {"ok": not findings, "checked": CHECKS, "findings": [asdict(each) for each in findings]}
            self.stdout.write(json.dumps(told))
        else:
            for each in findings:
                self.stdout.write(f"{each.check} {each.subject}: {each.problem}")
            self.stdout.write(f"{len(CHECKS)} invariants checked, {len(findings)} findings.")
        if findings:
            raise SystemExit(1)
