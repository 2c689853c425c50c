"""Paytables, each user's slot state, spins and those still being paid for, and the figures counted from them."""

from slots.models.figures import (
    Aggregated,
    Archive,
    ArchivedPlayer,
    Figure,
    FigureCheck,
    Hit,
    Look,
    PlayDay,
    Tally,
    Verdict,
)
from slots.models.intents import IntentState, SpinIntent
from slots.models.play import SlotState, Spin, SpinOrigin
from slots.models.tables import Game, Paytable, PaytableStatus, PaytableStep, Reopening, ReviewRequest
