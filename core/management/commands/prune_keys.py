"""`manage.py prune_keys`: delete idempotency keys older than 30 days, for installations without Celery."""

from typing import Any

from django.core.management.base import BaseCommand

from core import idempotency


class Command(BaseCommand):
    help = "Delete idempotency keys of requests older than 30 days. The ledger's own keys stay for ever."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{idempotency.prune()} keys forgotten.")
