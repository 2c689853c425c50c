"""The results of one load."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from bench.cpu import Meter
from bench.load import Measured, percentile_ms

SERVER = ("web", "commands", "events", "postgres", "proxy")
"""The parts whose processor time is a request's."""
APART = ("worker", "standin", "client")
"""Those that are shown beside them: what is done later, the stand-in RedRoomRewards, and the load generator."""


@dataclass(frozen=True)
class Figures:
    """Rate and latencies, errors, and the processor ms of each part of the stack, and of the client, for one result."""

    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    errors: int
    statuses: Mapping[str, int]
    parts: Mapping[str, float]

    @classmethod
    def of(cls, measured: Measured, latencies: Sequence[float], meter: Meter) -> Self:
        """Count one result for each latency: of a wanted answer, or of an event."""
        return cls(
            per_second=round(len(latencies) / measured.seconds, 1),
            p50_ms=round(percentile_ms(latencies, 0.50), 2),
            p95_ms=round(percentile_ms(latencies, 0.95), 2),
            p99_ms=round(percentile_ms(latencies, 0.99), 2),
            errors=measured.errors,
            statuses={str(status): number for status, number in sorted(measured.statuses.items())},
            parts=meter.ms_of_each(len(latencies)),
        )

    @property
    def cpu_ms(self) -> float:
        """Processor ms of the server's parts together."""
        return round(sum(self.parts.get(part, 0.0) for part in SERVER), 3)
