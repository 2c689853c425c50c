"""What the slot machine does for its endpoints.

``spin`` is the only command of players; everything else reads, prepares (``seed_reference``) or proves (``verify``).
"""

from slots.draw import commitment
from slots.gates import Session
from slots.services.paytables import make_partitions, seed_reference
from slots.services.reading import (
    Config,
    Fairness,
    History,
    HourlyUse,
    config,
    fairness,
    history,
    hourly_use,
    session,
    spin_of,
)
from slots.services.spinning import Spun, limits, record_refusal, spin
from slots.services.verifying import verify

__all__ = [
    "Config",
    "Fairness",
    "History",
    "HourlyUse",
    "Session",
    "Spun",
    "commitment",
    "config",
    "fairness",
    "history",
    "hourly_use",
    "limits",
    "make_partitions",
    "record_refusal",
    "seed_reference",
    "session",
    "spin",
    "spin_of",
    "verify",
]
