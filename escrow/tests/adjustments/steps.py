"""Steps of the tests of adjustments."""

from uuid import UUID

from accounts.models import User
from core.ids import new_id
from escrow import services
from escrow.services import Close, Currency, Deposit, House, adjustments
from escrow.services.adjustments import PayoutDecision, PayoutRequest, Reversal
from escrow.tests.factories import finished


def bought(owner: User, amount: int) -> UUID:
    """Tokens from a package; the deposit's id."""
    return services.deposit(Deposit(str(new_id()), owner.pk, Currency.TOKEN, amount, House.SALES)).operation_id


def settled(payer: User, payee: User | House, amount: int, settle: int, fee_bps: int = 0) -> UUID:
    """A hold closed with `settle`; the closing operation's id."""
    hold_id = finished(payer, payee, amount, settle)
    (closed,) = services.close_many([Close(str(hold_id), hold_id, settle, amount - settle, fee_bps)])
    assert closed.code is None
    return closed.operation_id


def reverse(*operations: UUID) -> list[str | None]:
    return [each.code for each in adjustments.reverse_many([Reversal(each, reason="test") for each in operations])]


def charge_back(operation: UUID) -> adjustments.ChargebackResult:
    (done,) = adjustments.chargeback_many([Reversal(operation)])
    return done


def ask(performer: User, amount: int, key: str = "", minimum: int = 1) -> adjustments.PayoutResult:
    (done,) = adjustments.request_payouts(
        [PayoutRequest(new_id(), key or str(new_id()), performer.pk, amount)], minimum=minimum
    )
    return done


def decide(payout_id: UUID | None, actor: User, *, approve: bool) -> adjustments.AdjustmentResult:
    assert payout_id is not None
    (done,) = adjustments.decide_payouts([PayoutDecision(payout_id, approve, actor.pk, "because")])
    return done
