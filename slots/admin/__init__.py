"""The slot machine in the back office."""

from slots.admin.game import GameAdmin, LookAdmin, ReopeningAdmin
from slots.admin.lists import SlotStateAdmin, SpinAdmin
from slots.admin.paytables import PaytableAdmin
