"""Snapshots of house accounts, so that a balance is not summed from the first entry."""

from django.db import models

from core.clock import CoreNow
from escrow.models.ledger import Currency, House


class HouseSnapshot(models.Model):
    """The sum of a house account's entries up to and including the entry `upto`. Append-only; the newest one counts."""

    house = models.CharField(max_length=20, choices=House.choices)
    currency = models.CharField(max_length=5, choices=Currency.choices)
    upto = models.BigIntegerField()
    balance = models.BigIntegerField()
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["house", "currency", "upto"], name="escrow_house_snapshot_once")]
