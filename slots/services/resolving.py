"""Open intents whose deducts reconciliation has asked for again: it tells what became of them, and they are closed."""

from uuid import UUID

from core.batches import run_statement
from core.clock import db_now
from core.db import command, first_or_not_found
from loyalty import services as loyalty
from slots.models import IntentState, SlotState, SpinIntent
from slots.services.closing import Closing


def resolve_intent(*, spin_id: UUID, taken: int, error: str = "") -> bool:
    """Close an open intent, with its deduct: `taken` points are given back; with 0 it is refused for `error`.

    The outermost transaction. Locks the slot state, then the intent. False: the intent is closed already, and nothing
    was written, but that what was taken for a spin that was never drawn is given back once. Raises NotFound.
    """

    def close() -> bool:
        intent = first_or_not_found(SpinIntent.objects.filter(pk=spin_id))
        SlotState.objects.select_for_update(no_key=True).get(user_id=intent.user_id)
        intent = SpinIntent.objects.get(pk=spin_id)
        deduct = loyalty.SpinDeduct(
            spin_id=intent.pk, user_id=intent.user_id, amount=taken, request_id=intent.request_id
        )
        closing = Closing()
        is_open = intent.state == IntentState.OPEN
        if is_open and taken:
            closing.compensate(deduct, error)
        elif is_open:
            closing.refuse(spin_id, error)
        elif taken and intent.state != IntentState.DONE:
            closing.refunds.append(deduct)
        for statement in closing.statements(at=db_now()):
            run_statement(statement)
        return is_open

    return command(close)
