"""Of escrow."""

from django.db import transaction
from django.db.models import Model

from accounts.models import Role, User
from core.clock import db_now
from escrow import services
from escrow.models import (
    Approval,
    Dispute,
    DisputeState,
    Finding,
    Freeze,
    Hold,
    Operation,
    Order,
    PaymentEvent,
    Payout,
    TokenPackage,
    Wallet,
    WalletStatus,
)
from escrow.services import Currency, approvals
from tests.world import staff

PUBLIC = {("payments/webhook", "POST"), ("token-packages", "GET")}
UNKEYED = {"admin/approvals/{id}/approve", "admin/approvals/{id}/reject", "payments/webhook"}
NAMED: dict[str, type[Model]] = {"hold_id": Hold, "approval_id": Approval, "payout_id": Payout}


def add(ruby: User) -> None:
    """Her payout and a grant to her; she has earned 1,000."""
    services.request_payout(performer_id=ruby.pk, amount=1_000, actor=ruby)
    approvals.grant(owner_id=ruby.pk, currency=Currency.TOKEN, amount=9_000, reason="sorry", actor=staff(Role.FINANCE))


def add_of_the_platform(ruby: User, alice: User) -> None:
    """Payments, disputes, and findings with a freeze: she can do nothing with her points after it."""
    package = TokenPackage.objects.create(title="Pocket", tokens=100, price_minor=100)
    deposit = Operation.objects.filter(kind="deposit").earliest("id")
    order = Order.objects.create(reference="1", user=alice, package=package, tokens=100, deposit=deposit)
    PaymentEvent.objects.create(event_id="1", type="order.paid", fingerprint=b"x" * 32, outcome="x", order=order)
    Dispute.objects.create(order=order, reference="1", state=DisputeState.WON, won_at=db_now())
    now = db_now()
    found = [services.Finding("V1", str(ruby.pk), "x", is_late=True)]
    services.record_run(since=None, started_at=now, finished_at=now, operations=1, findings=found)
    points = Wallet.objects.get(owner=ruby, currency=Currency.POINT)
    with transaction.atomic():
        Wallet.objects.filter(pk=points.pk).update(status=WalletStatus.FROZEN)
        Freeze.objects.create(wallet=points, finding=Finding.objects.get(), reason="x")
