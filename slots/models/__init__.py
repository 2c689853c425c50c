"""Paytables, each user's slot state, every spin, and the figures counted from them."""

from slots.models.figures import Aggregated, Archive, Figure, Hit, Look, PlayDay, Tally, Verdict
from slots.models.play import SlotState, Spin, SpinOrigin
from slots.models.tables import Game, Paytable, PaytableStatus, PaytableStep, Reopening
