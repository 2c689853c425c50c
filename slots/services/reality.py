"""Reality checks: what somebody played in the running session, and that they have seen it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import User
from compliance.services import Play
from core.clock import db_now
from core.db import joined, rows
from core.ids import new_id
from slots.gates import REALITY_EVERY, in_session
from slots.models import SlotState

_STAKED = """
    SELECT core_now() AS now, s.last_spin_at, s.reality_at,
           ARRAY[s.staked_total - w.day_staked, s.staked_total - w.week_staked,
                 s.staked_total - w.month_staked] AS staked,
           (SELECT i.bet FROM slots_spinintent i WHERE i.user_id = s.user_id AND i.state = 'open') AS open_bet
      FROM slots_slotstate s
     CROSS JOIN LATERAL slots_windows(p_state => s, p_now => core_now(), p_spin_id => %(now_id)s) AS w
     WHERE s.user_id = %(user_id)s
"""


@dataclass(frozen=True, slots=True)
class RealityCheck:
    """Time and points of the running session, zeros without one; when the next check is due, None without one."""

    elapsed_s: int
    net_points: int
    staked_points: int
    won_points: int
    next_due_at: datetime | None


def answer_reality_check(*, user: User) -> RealityCheck:
    """Record that this user saw what they played: the next check is due 30 minutes from now. Returns what they saw.

    Locks the slot state, so that a spin comes before or after. Without a running session nothing is written.
    """
    with joined():
        state = SlotState.objects.select_for_update(no_key=True).filter(user_id=user.id).first()
        now = db_now()
        if state is None or state.session_started_at is None or not in_session(state.last_spin_at, now):
            return RealityCheck(0, 0, 0, 0, None)
        SlotState.objects.filter(user_id=user.id).update(reality_at=now, acknowledged_at=now)
        return RealityCheck(
            elapsed_s=int((now - state.session_started_at).total_seconds()),
            net_points=state.session_net,
            staked_points=state.session_staked,
            won_points=max(state.session_net + state.session_staked, 0),
            next_due_at=now + REALITY_EVERY,
        )


def play_of(user_id: UUID) -> Play:
    """Return what this user staked in each window, the bet of an open intent too, and when a check is due.

    One statement; it is what `PLAY_READER` names.
    """
    found: list[dict[str, Any]] = rows(_STAKED, {"user_id": user_id, "now_id": new_id()})
    if not found:
        return Play((0, 0, 0), None)
    (state,) = found
    running = state["reality_at"] is not None and in_session(state["last_spin_at"], state["now"])
    day, week, month = (staked + (state["open_bet"] or 0) for staked in state["staked"])
    return Play((day, week, month), state["reality_at"] + REALITY_EVERY if running else None)
