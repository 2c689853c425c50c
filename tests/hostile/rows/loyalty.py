"""Of loyalty."""

from datetime import date

from django.db.models import Model

from accounts.models import User
from core.clock import db_now
from loyalty.models import Difference, Link, ReconciliationRun, RemoteOperation, WebhookEvent

PUBLIC = {("loyalty/webhook", "POST")}
UNKEYED = {"loyalty/link", "loyalty/link/confirm", "loyalty/webhook"}
NAMED: dict[str, type[Model]] = {}


def add(ruby: User) -> None:
    Link.objects.create(user=ruby, member_id="RR-1")
    RemoteOperation.objects.create(
        user=ruby, kind="credit", amount=150, key="spin-1-credit", source="1", body={"userId": str(ruby.pk)}
    )
    WebhookEvent.objects.create(event_id="1", type="POINTS_POSTED", body={}, user=ruby)
    run = ReconciliationRun.objects.create(day=date(2026, 11, 28), ended_at=db_now())
    Difference.objects.create(run=run, kind="missing", user=ruby, key="spin-1-credit", source="1", here=150)
