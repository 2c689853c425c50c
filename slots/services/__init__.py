"""The services of the slot machine.

``spin`` is the only command of players; the others read, prepare (``seed_reference``) or verify (``verify``).
"""

from slots.draw import commitment
from slots.gates import Session
from slots.services.paytables import make_partitions, seed_reference
from slots.services.reading import HourlyUse, config, fairness, history, hourly_use, session, spin_of
from slots.services.spinning import SpinResult, limits, record_refusal, spin
from slots.services.verifying import verify

__all__ = [
    "HourlyUse",
    "Session",
    "SpinResult",
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
