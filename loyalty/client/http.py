"""The client: what RedRoomRewards can be asked, typed."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Self, TypeVar
from uuid import UUID

from core.breaker import Breaker
from core.context import request_id
from core.ids import new_id_text
from loyalty.client import answers, faults
from loyalty.client.answers import Duplicate
from loyalty.client.call import Call
from loyalty.client.config import Config
from loyalty.client.sending import Sender
from loyalty.client.values import (
    Applied,
    Balance,
    Body,
    Confirmation,
    Credit,
    Deduct,
    Earn,
    LedgerPage,
    LinkStatus,
    RemoteIntent,
)
from loyalty.errors import LoyaltyUnavailable, OutcomeUnknown, RemoteRefusal

T = TypeVar("T")
NAMES = {Deduct.path: "deduct", Credit.path: "credit", Earn.path: "earn"}


class LoyaltyClient:
    """Calls of RedRoomRewards in one event loop, as many at a time as there are connections (256).

    `async with` opens and closes it. Every call raises LoyaltyUnavailable (the breaker is open, or it was surely not
    carried out) and RemoteRefusal; one that changes something also OutcomeUnknown. Tries: at most three, with the same
    key, within the total time-out. `trace`: the id of our request, by default the current one, else one of its own.
    """

    def __init__(self, config: Config, *, breaker: Breaker = faults.breaker) -> None:
        self.config = config
        self._breaker = breaker
        self._sender: Sender | None = None

    async def __aenter__(self) -> Self:
        self._sender = Sender(self.config, self._breaker)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sender is not None:
            await self._sender.close()
            self._sender = None

    async def balance(self, user_id: UUID, *, trace: str = "") -> Balance:
        """Read a member's points."""
        params = {"userId": str(user_id)}
        return await self._read("balance", "/api/v1/loyalty/balance", params, answers.balance_of, trace)

    async def deduct(self, deduct: Deduct, *, trace: str = "") -> Applied:
        """Take points. Raises RemoteInsufficient: nothing was taken."""
        return await self.change(deduct.path, deduct.body, key=deduct.transaction_id, trace=trace)

    async def credit(self, credit: Credit, *, trace: str = "") -> Applied:
        """Give points."""
        return await self.change(credit.path, credit.body, key=credit.transaction_id, trace=trace)

    async def earn(self, earn: Earn, *, trace: str = "") -> Applied:
        """Give points for tokens."""
        return await self.change(earn.path, earn.body, key=earn.transaction_id, trace=trace)

    async def change(self, path: str, body: Body, *, key: str, trace: str = "") -> Applied:
        """Send a change as it was stored; the same key and body have one effect, the first."""
        try:
            return Applied(await self._write(NAMES[path], path, body, key, answers.new_balance_of, trace))
        except Duplicate as first:
            if first.new_balance is not None:
                return Applied(first.new_balance)
        try:
            return Applied((await self.balance(UUID(str(body["userId"])), trace=trace)).balance)
        except (LoyaltyUnavailable, RemoteRefusal) as error:
            raise OutcomeUnknown("duplicate") from error

    async def ledger(self, user_id: UUID, *, since: datetime, cursor: str | None = None) -> LedgerPage:
        """Read a page of a member's ledger, from a time on."""
        params = {"userId": str(user_id), "from": since.isoformat()} | ({"cursor": cursor} if cursor else {})
        return await self._read("ledger", "/api/v1/loyalty/ledger", params, answers.ledger_of, "")

    async def link_intent(self, user_id: UUID, *, key: str) -> RemoteIntent:
        """Begin a link."""
        body = {"clientUserId": str(user_id)}
        return await self._write("link_intent", "/api/v1/links/intents", body, key, answers.intent_of, "")

    async def link_confirm(self, confirmation: Confirmation, *, key: str) -> LinkStatus:
        """Confirm a link with the member's proof."""
        body = {
            "intentId": confirmation.intent_id,
            "memberId": confirmation.member_id,
            "clientUserId": str(confirmation.user_id),
            "proof": confirmation.proof,
        }
        return await self._write("link_confirm", "/api/v1/links/confirm", body, key, answers.status_of, "")

    async def link_status(self, user_id: UUID) -> LinkStatus:
        """Read whether a user is linked over there."""
        params = {"clientUserId": str(user_id)}
        return await self._read("link_status", "/api/v1/links/status", params, answers.status_of, "")

    async def _read(self, name: str, path: str, params: Mapping[str, str], read: Callable[[Body], T], trace: str) -> T:
        return await self._opened.send(Call(name=name, path=path, params=params, trace=_traced(trace)), read)

    async def _write(self, name: str, path: str, body: Body, key: str, read: Callable[[Body], T], trace: str) -> T:
        call = Call(name=name, path=path, body=body, key=key, trace=_traced(trace))
        return await self._opened.send(call, read)

    @property
    def _opened(self) -> Sender:
        if self._sender is None:
            raise RuntimeError("The client is used inside `async with`.")
        return self._sender


def _traced(trace: str) -> str:
    """The id that every call carries: of the request given, the current one, or one of its own."""
    return trace or request_id() or new_id_text()
