"""Holds and items in final states for tests of the ledger itself, made without the queue's commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Sum

from accounts.models import User
from core.clock import db_now
from core.ids import new_id
from escrow import services
from escrow.models import Entry, Wallet
from escrow.services import Close, Currency, Deposit, HoldRequest, House, Payee, adjustments, auditing
from escrow.services.adjustments import Reversal
from perfqueue.models import Fulfilment, QueueItem, State
from perfqueue.services.storage import change
from tests import world


def request(payer: User, payee: User | House = House.REVENUE, amount: int = 100, **more: object) -> HoldRequest:
    """A request for a hold."""
    facts: dict[str, object] = {
        "hold_id": new_id(),
        "key": str(new_id()),
        "payer_id": payer.pk,
        "payee": Payee(house=payee) if isinstance(payee, House) else Payee(payee.pk),
        "currency": Currency.TOKEN,
        "amount": amount,
        "feature": "test",
        **more,
    }
    return HoldRequest(**facts)  # type: ignore[arg-type]


def finished(payer: User, payee: User | House, amount: int, settle: int) -> UUID:
    """An open hold under an item that is finished with `settle`, so that it may be closed."""
    hold_id = services.hold(request(payer, payee, amount)).hold_id
    now = db_now()
    item = QueueItem(
        user=payer,
        hold_id=hold_id,
        tokens=amount,
        currency=Currency.TOKEN,
        title="A song",
        fulfilment=Fulfilment.INSTANT,
        source_feature="test",
        idempotency_key=str(hold_id),
        created_at=now,
    )
    item.start(now=now, deadline_at=None)
    item.finish(now=now, settle=settle, refund=amount - settle)
    item.save(force_insert=True)
    return hold_id


def refunded(payer: User, performer: User, amount: int) -> UUID:
    """An open hold under an item that is refunded."""
    item = world.buy(payer, performer, amount)
    item.refund(now=db_now(), reason="test")
    change([item], [])
    assert item.state == State.REFUNDED
    return item.hold_id


def wallet(owner: User, currency: Currency = Currency.TOKEN) -> Wallet:
    return Wallet.objects.get(owner=owner, currency=currency)


def balances(owner: User) -> tuple[int, int, int, int]:
    """available, held, earned, owed in tokens."""
    found = wallet(owner)
    return found.available, found.held, found.earned, found.owed


def house(account: House) -> int:
    total: int | None = Entry.objects.filter(house=account).aggregate(total=Sum("d_available"))["total"]
    return total or 0


def freeze(owner: User) -> None:
    for each in Wallet.objects.filter(owner=owner):
        auditing.freeze(wallet_id=each.pk, actor_id=owner.pk, reason="test")


def thaw(owner: User) -> None:
    for each in Wallet.objects.filter(owner=owner):
        auditing.thaw(wallet_id=each.pk, actor_id=owner.pk, reason="test")


@contextmanager
def tampering() -> Iterator[None]:
    """A transaction in which triggers and foreign keys are off. Types and CHECKs still apply."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield


def indebt(owner: User, amount: int) -> None:
    """Buy tokens for a person without any, spend them and charge the payment back: all of it is owed."""
    bought = services.deposit(Deposit(str(new_id()), owner.pk, Currency.TOKEN, amount, House.SALES))
    assert bought.available == amount
    hold_id = finished(owner, House.REVENUE, amount, amount)
    services.close_many([Close(str(hold_id), hold_id, amount, 0)])
    (done,) = adjustments.chargeback_many([Reversal(bought.operation_id)])
    assert (done.code, done.owed) == (None, amount)
