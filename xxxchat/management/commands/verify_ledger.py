"""`manage.py verify_ledger [--json] [--incremental] [--read-only]`: V1–V8. Exit code 1 if there are findings."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from xxxchat import verification


class Command(BaseCommand):
    help = "Check the ledger's invariants V1 to V8, record what is wrong and freeze the wallets it concerns."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
        parser.add_argument("--incremental", action="store_true", help="only what was written since the last run")
        parser.add_argument("--read-only", action="store_true", help="record nothing, freeze nobody")

    def handle(self, *args: Any, **options: Any) -> None:
        full = not options["incremental"]
        report = verification.check() if options["read_only"] else verification.run(full=full)
        findings = [{"check": each.check, "subject": each.subject, "problem": each.problem} for each in report.findings]
        if options["json"]:
            self.stdout.write(json.dumps({"ok": not findings, "checked": verification.CHECKED, "findings": findings}))
        else:
            for each in findings:
                self.stdout.write("{check} {subject}: {problem}".format(**each))
            self.stdout.write(f"{len(verification.CHECKED)} invariants checked, {len(findings)} findings.")
        if findings:
            raise SystemExit(1)
