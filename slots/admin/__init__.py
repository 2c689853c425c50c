"""The slot machine in the back office."""

from slots.admin.lists import GameAdmin, SlotStateAdmin, SpinAdmin
from slots.admin.paytables import PaytableAdmin
