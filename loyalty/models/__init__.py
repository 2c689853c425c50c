"""Links to members, operations over there, balances last seen, their events, reconciliation and earning."""

from loyalty.models.breakers import BreakerChange
from loyalty.models.events import WebhookEvent
from loyalty.models.links import Link, LinkIntent
from loyalty.models.operations import (
    DEDUCTS,
    WAITING,
    EarningMark,
    KnownBalance,
    OperationKind,
    OperationState,
    RemoteOperation,
)
from loyalty.models.reconciliation import Difference, DifferenceKind, ReconciliationRun
