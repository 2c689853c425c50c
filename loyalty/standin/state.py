"""What the stand-in is made of, and what it counts."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from loyalty.standin.answers import Shape
from loyalty.standin.faults import Faults
from loyalty.standin.links import Linking
from loyalty.standin.storage import Storage
from loyalty.standin.tokens import Client
from loyalty.standin.webhooks import Sender


@dataclass
class Stats:
    """Counts since the start: connections accepted from clients (all without those that steer it), calls by path,
    answers by status, what was carried out, and what was answered from its key."""

    accepted: int = 0
    steering: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    applied: Counter[str] = field(default_factory=Counter)
    replayed: Counter[str] = field(default_factory=Counter)

    def shown(self, faults: Faults) -> dict[str, Any]:
        """Return them with the faults that fired, and the processor time of this process."""
        return {
            "connections": self.accepted - self.steering,
            "calls": self.calls,
            "answers": self.answers,
            "applied": self.applied,
            "replayed": self.replayed,
            "faults": faults.fired,
            "cpuSeconds": round(time.process_time(), 3),
        }


@dataclass
class State:
    """The parts of a running stand-in. `shape` is that of its refusals."""

    client: Client
    storage: Storage
    links: Linking
    faults: Faults
    webhooks: Sender
    shape: Shape = Shape.FLAT
    stats: Stats = field(default_factory=Stats)
