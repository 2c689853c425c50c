"""A feature that spends points, as slots does, without its spins."""

from dataclasses import replace
from uuid import UUID

from accounts.models import User
from core.batches import run_statement
from core.db import command
from core.ids import new_id
from loyalty.models import OperationState
from loyalty.services.operations import (
    ClosedDeduct,
    SpinCredit,
    SpinDeduct,
    closing_deducts,
    opening_deducts,
    queue_credits,
    queue_refunds,
)


class Feature:
    """A feature with intents: as slots does it, a transaction that closes intent and deduct together."""

    def __init__(self) -> None:
        self.intents: dict[UUID, str] = {}
        self.deducts: dict[UUID, SpinDeduct] = {}

    def open(self, user: User, amount: int = 100) -> SpinDeduct:
        deduct = SpinDeduct(spin_id=new_id(), user_id=user.pk, amount=amount, request_id="r-1")
        run_statement(opening_deducts([deduct]))
        self.intents[deduct.spin_id], self.deducts[deduct.spin_id] = "open", deduct
        return deduct

    def settle(self, deduct: SpinDeduct, new_balance: int, award: int = 0) -> None:
        """Store the spin, unless somebody else has closed its intent."""
        closed = ClosedDeduct(spin_id=deduct.spin_id, state=OperationState.CONFIRMED, new_balance=new_balance)
        credit = SpinCredit(
            spin_id=deduct.spin_id,
            user_id=deduct.user_id,
            amount=award,
            symbols=["cherry"] * 3,
            multiplier="1.5",
            request_id="r-1",
        )

        def store() -> None:
            run_statement(closing_deducts([closed]))
            if award:
                run_statement(queue_credits([credit]))

        command(store)
        self.intents[deduct.spin_id] = "done"

    def resolve(self, *, spin_id: UUID, taken: int, error: str = "") -> bool:
        if self.intents[spin_id] != "open":
            return False
        state = OperationState.COMPENSATED if taken else OperationState.REFUSED

        def close() -> None:
            run_statement(closing_deducts([ClosedDeduct(spin_id=spin_id, state=state, error=error)]))
            if taken:
                run_statement(queue_refunds([replace(self.deducts[spin_id], amount=taken)]))

        command(close)
        self.intents[spin_id] = state.value
        return True
