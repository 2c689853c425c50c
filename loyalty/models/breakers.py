"""When the circuit breakers of our processes opened and closed."""

from django.db import models

from core.clock import CoreNow


class BreakerChange(models.Model):
    """One change of one process's breaker. Append-only (a trigger)."""

    at = models.DateTimeField(db_default=CoreNow())
    process = models.CharField(max_length=100)
    state = models.CharField(max_length=10)

    class Meta:
        indexes = [models.Index(fields=["process", "-id"], name="loyalty_breaker_of_process")]
