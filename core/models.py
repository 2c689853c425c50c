"""Idempotency keys, the heartbeats of background processes, periodic rounds, and the moves of a demo's clock."""

from django.db import models

from core.clock import CoreNow, RealNow
from core.ids import new_id


class IdempotencyKey(models.Model):
    """The first answer to one caller's key for one operation, written in the transaction of its work."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    caller = models.UUIDField()
    operation = models.CharField(max_length=64)
    key = models.CharField(max_length=128)
    fingerprint = models.BinaryField(max_length=32)
    status = models.SmallIntegerField(null=True)
    body = models.BinaryField(null=True)
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "operation", "key"], name="core_key_once")]
        indexes = [models.Index(fields=["at"], name="core_key_age")]


class Heartbeat(models.Model):
    """When a background process last finished a round. One row per process name."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField(db_default=CoreNow())


class RoundState(models.Model):
    """A periodic round (`core.rounds`), by real time: when it was last begun, and last ended without a failure.

    `claimed_until`: somebody runs it, until then at most. `failure`: the kind of the last one's failure, else empty.
    """

    name = models.CharField(max_length=40, primary_key=True)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    failure = models.CharField(max_length=80, db_default="")

    class Meta:
        db_table = "core_round"


class ClockMove(models.Model):
    """One move of the database's clock (`core.clock_offset`), by real time. Append-only (a trigger)."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=RealNow())
    from_offset = models.DurationField()
    to_offset = models.DurationField()
    actor = models.CharField(max_length=150)

    class Meta:
        db_table = "core_clock_move"
