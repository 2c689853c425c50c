"""The yardstick of the Python service: the same hold written with `select_for_update`, on twins of the same tables.

The twins (`bench.ledger.books` makes them) have the columns, CHECKs and indexes of the ledger's tables, and none of its
triggers.
"""

import hashlib
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.db import models, transaction

from bench.ledger.scripts import EXPIRES_S
from core.clock import db_now
from core.ids import new_id
from escrow.models import Currency, OperationKind, WalletStatus


class Twin(models.Model):
    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        abstract = True
        app_label = "bench"
        managed = False


class Wallet(Twin):
    id = models.UUIDField(primary_key=True)
    owner_id = models.UUIDField()
    currency = models.CharField(max_length=5)
    available = models.BigIntegerField()
    held = models.BigIntegerField()
    earned = models.BigIntegerField()
    owed = models.BigIntegerField()
    version = models.BigIntegerField()
    status = models.CharField(max_length=6)
    created_at = models.DateTimeField()

    class Meta(Twin.Meta):
        db_table = "bench_wallet"


class Hold(Twin):
    id = models.UUIDField(primary_key=True, default=new_id)
    payer_id = models.UUIDField()
    payee_id = models.UUIDField(null=True)
    currency = models.CharField(max_length=5)
    feature = models.CharField(max_length=40)
    amount = models.BigIntegerField()
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta(Twin.Meta):
        db_table = "bench_hold"


class Operation(Twin):
    id = models.UUIDField(primary_key=True, default=new_id)
    scope = models.CharField(max_length=64)
    key = models.CharField(max_length=128)
    fingerprint = models.BinaryField()
    kind = models.CharField(max_length=20)
    hold_id = models.UUIDField(null=True)
    at = models.DateTimeField()

    class Meta(Twin.Meta):
        db_table = "bench_operation"


class Entry(Twin):
    id = models.BigAutoField(primary_key=True)
    operation_id = models.UUIDField()
    line = models.SmallIntegerField()
    wallet_id = models.UUIDField(null=True)
    currency = models.CharField(max_length=5)
    version = models.BigIntegerField(null=True)
    d_available = models.BigIntegerField()
    d_held = models.BigIntegerField()
    available_after = models.BigIntegerField(null=True)
    held_after = models.BigIntegerField(null=True)
    earned_after = models.BigIntegerField(null=True)
    owed_after = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta(Twin.Meta):
        db_table = "bench_entry"


def hold(payer: UUID, payee: UUID, amount: int) -> Hold:
    """Look the key up, lock the wallet, check, write operation, hold, balances and entry: as the function does."""
    scope, key = "bench", str(new_id())
    fingerprint = hashlib.sha256(f"{payer}{payee}{amount}".encode()).digest()
    with transaction.atomic():
        wallet = Wallet.objects.select_for_update(no_key=True).get(owner_id=payer, currency=Currency.TOKEN)
        if Operation.objects.filter(scope=scope, key=key).first() is not None:
            raise ValueError("a replay")
        if wallet.status != WalletStatus.ACTIVE or wallet.available < amount:
            raise ValueError("refused")
        now = db_now()
        opened: Hold = Hold.objects.create(
            payer_id=payer, payee_id=payee, currency=wallet.currency, feature="bench", amount=amount,
            expires_at=now + timedelta(seconds=EXPIRES_S), created_at=now,
        )  # fmt: skip
        operation = Operation.objects.create(
            scope=scope, key=key, fingerprint=fingerprint, kind=OperationKind.HOLD, hold_id=opened.pk, at=now
        )
        wallet.available -= amount
        wallet.held += amount
        wallet.version += 1
        wallet.save(update_fields=["available", "held", "version"])
        Entry.objects.create(
            operation_id=operation.pk, line=1, wallet_id=wallet.pk, currency=wallet.currency, version=wallet.version,
            d_available=-amount, d_held=amount, available_after=wallet.available, held_after=wallet.held,
            earned_after=wallet.earned, owed_after=wallet.owed, at=now,
        )  # fmt: skip
        return opened
