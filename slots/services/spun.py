"""A decided spin with everything that is stored of it: its item, what the ledger does, its row, its events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import live.services
import perfqueue.services
from core.batches import KeyedRequest, Statement
from core.ids import new_id
from core.origin import Origin
from escrow import services as escrow
from live.services import Event
from perfqueue.services import InstantItem
from slots import draw
from slots.gates import Decision
from slots.services import storage
from slots.services.gating import FEATURE
from slots.services.storage import NewSpin

TITLE = "Slot machine spin"  # of the item in the player's own list of requests
BANK = escrow.Payee(house=escrow.House.SLOTS_BANK)


@dataclass(slots=True)
class Spun:
    """A decided spin with its origin, its item and what the ledger does for it."""

    decision: Decision
    spin: NewSpin
    origin: Origin
    item: InstantItem
    instant: escrow.Instant


def spun_of(
    decision: Decision, wallet: escrow.LockedWallet, asked: KeyedRequest[Any], *, balance: int | None = None
) -> Spun:
    """Hold the bet, finish the item that settles it, and pay the award: nothing of it is stored yet.

    `balance`: the player's points before the spin, where the wallet does not keep them.
    """
    request, award = decision.request, decision.drawn.payout
    source, player = str(request.spin_id), asked.caller_id
    hold = escrow.HoldRequest(
        hold_id=new_id(),
        key=f"spin-{source}",
        payer_id=player,
        payee=BANK,
        currency=escrow.Currency.POINT,
        amount=request.bet,
        feature=FEATURE,
        source_event_id=source,
        actor_id=player,
    )
    item = InstantItem(
        id=new_id(),
        user_id=player,
        performer_id=request.performer_id,
        hold_id=hold.hold_id,
        tokens=request.bet,
        award=award,
        key=source,
        title=TITLE,
        request_id=asked.request_id,
    )
    instant = escrow.Instant(wallet=wallet, hold=hold, item_id=item.id, award=award, request_id=asked.request_id)
    if balance is None:
        before, after = wallet.available, instant.available_after
    else:
        before, after = balance, balance - request.bet + award
    return Spun(decision, _spin(decision, instant, before, after), asked.origin, item, instant)


def _spin(decision: Decision, instant: escrow.Instant, before: int, after: int) -> NewSpin:
    request, context, drawn = decision.request, decision.context, decision.drawn
    return NewSpin(
        id=request.spin_id,
        user_id=instant.hold.payer_id,
        nonce=context.nonce,
        at=context.now,
        bet=request.bet,
        payout=drawn.payout,
        ticket=drawn.ticket,
        symbols=list(drawn.symbols),
        paytable_id=decision.paytable_id,
        paytable_digest=decision.table.digest,
        seed=context.seed,
        next_commitment=draw.commitment(request.next_seed),
        client_seed=decision.client_seed,
        client_nonce=request.client_nonce,
        client_nonce_drawn=request.client_nonce_drawn,
        performer_id=request.performer_id,
        hold_id=instant.hold.hold_id,
        item_id=instant.item_id,
        balance_before=before,
        balance_after=after,
        staked_total=context.staked_total + request.bet,
        paid_total=context.paid_total + drawn.payout,
    )


def storing(spun: Sequence[Spun], *, at: datetime, clearing: escrow.House | None = None) -> list[Statement]:
    """Return the statements that store spins with all that belongs to them.

    `clearing`: the account that bets come from and awards go to, where the wallets do not keep the points.
    """
    items = [each.item for each in spun]
    emitted = [(event, each.item.request_id) for each in spun for event in _events(each)]
    return [
        *perfqueue.services.finish_instants(
            items,
            [each.instant for each in spun],
            feature=FEATURE,
            currency=escrow.Currency.POINT,
            at=at,
            clearing=clearing,
        ),
        storage.storing([(each.spin, each.decision, each.origin) for each in spun]),
        live.services.emission(emitted),
    ]


def _events(spun: Spun) -> list[Event]:
    """The events of the item, and that of the spin for the player's other windows; it has no other recipient."""
    spin = spun.spin
    drawn = Event(
        key="slots.spin",
        recipient_id=spin.user_id,
        variables={
            "spinId": spun.item.key,
            "nonce": spin.nonce,
            "symbols": spin.symbols,
            "bet": spin.bet,
            "payout": spin.payout,
        },
    )
    return [*perfqueue.services.events_of(spun.item), drawn]
