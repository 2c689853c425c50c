"""Spins that RedRoomRewards pays, first part: the gates, then an intent with its deduct."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from core.batches import Begun, KeyedRequest, Later, Row, Statement
from core.db import array
from core.errors import IdempotencyKeyReused, RequestInProgress
from escrow import services as escrow
from loyalty import services as loyalty
from loyalty.errors import LoyaltyUnavailable, NotLinked
from slots.gates import SpinContext, SpinRequest, check
from slots.services.gating import GatedBatch, SpinInput

RESUMED_WITHIN = timedelta(minutes=30)
"""How old an intent may be that is resumed: a spin belongs to the month of its id, archived an hour after its end."""
RETRY_AFTER_S = 5

_OPEN = """
SELECT i.user_id, i.id, i.key, i.fingerprint, i.bet, i.at FROM slots_spinintent i
 WHERE i.user_id = ANY (%(users)s::uuid[]) AND i.state = 'open'
"""
_INSERT = """
INSERT INTO slots_spinintent (id, user_id, key, fingerprint, bet, performer_id, client_nonce, client_nonce_drawn,
                              client_seed, paytable_id, commitment, nonce, request_id, at, state)
SELECT n.id, n.user_id, n.key, n.fingerprint, n.bet, n.performer_id, n.client_nonce, n.client_nonce_drawn,
       n.client_seed, n.paytable_id, n.commitment, n.nonce, n.request_id, %(at)s, 'open'
  FROM unnest(%(ids)s::uuid[], %(users)s::uuid[], %(keys)s::text[], %(fingerprints)s::bytea[], %(bets)s::bigint[],
              %(performers)s::uuid[], %(client_nonces)s::bytea[], %(drawn)s::boolean[], %(client_seeds)s::text[],
              %(paytables)s::uuid[], %(commitments)s::bytea[], %(nonces)s::bigint[], %(request_ids)s::text[])
       AS n (id, user_id, key, fingerprint, bet, performer_id, client_nonce, client_nonce_drawn, client_seed,
             paytable_id, commitment, nonce, request_id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a player asks for, and whether RedRoomRewards can be asked at all at the moment."""

    spin: SpinInput
    is_reachable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIntent:
    """A spin whose gates have passed: its bet is to be deducted next. `resumed`: it was begun by an earlier request."""

    spin_id: UUID
    user_id: UUID
    bet: int
    request_id: str
    resumed: bool

    @property
    def deduct(self) -> loyalty.SpinDeduct:
        return loyalty.SpinDeduct(
            spin_id=self.spin_id, user_id=self.user_id, amount=self.bet, request_id=self.request_id
        )


class _Row(NamedTuple):
    """An open intent."""

    user_id: UUID
    id: UUID
    key: str
    fingerprint: bytes
    bet: int
    at: datetime


class _New(NamedTuple):
    """An intent to be stored."""

    asked: SpinRequest
    context: SpinContext
    request: KeyedRequest[Attempt]


class IntentBatch(GatedBatch[Attempt]):
    """The first part of each player's spin: every gate but the balance, then the intent with its deduct.

    An open intent of the same request is resumed, without the gates, which it has passed.

    Refuses:
        what ``SpinBatch`` does, but for InsufficientBalance; NotLinked, LoyaltyUnavailable (it cannot be asked at the
        moment, or the intent is older than half an hour), RequestInProgress (another request has an open intent).
    """

    def __init__(self, requests: Sequence[KeyedRequest[Attempt]], *, wait: bool) -> None:
        super().__init__(requests, wait=wait)
        self._new: list[_New] = []
        self._resumed: list[UUID] = []
        self._begun: set[UUID] = set()

    def given(self, request: KeyedRequest[Attempt]) -> SpinInput:
        return request.input.spin

    def load(self) -> Sequence[Statement]:
        users = [request.caller_id for request in self.requests]
        return [*super().load(), Statement(_OPEN, {"users": array(users)}), loyalty.linked_of(users)]

    def take(self, found: Sequence[Sequence[Row]]) -> None:
        super().take(found)
        self._open = {row[0]: _Row._make(row) for row in found[-2]}
        self._linked = {row[0] for row in found[-1]}

    def decide(self, place: int) -> Begun:
        request = self.requests[place]
        player = request.caller_id
        context, wallet = self.found(place)
        if context is None or player in self._begun or (wallet is None and not self.wait):
            raise Later
        if player in self._open:
            begun = self._resume(self._open[player], request, context)
        else:
            begun = self._begin(place, context, wallet)
        self._begun.add(player)
        return Begun(begun)

    def _resume(self, kept: _Row, request: KeyedRequest[Attempt], context: SpinContext) -> OpenIntent:
        if kept.key != request.key:
            raise RequestInProgress(retry_after_s=1)
        if bytes(kept.fingerprint) != request.fingerprint:
            raise IdempotencyKeyReused
        if not request.input.is_reachable or context.now - kept.at > RESUMED_WITHIN:
            raise LoyaltyUnavailable(retry_after_s=RETRY_AFTER_S)
        self._resumed.append(kept.id)
        return OpenIntent(
            spin_id=kept.id, user_id=kept.user_id, bet=kept.bet, request_id=request.request_id, resumed=True
        )

    def _begin(self, place: int, context: SpinContext, wallet: escrow.LockedWallet | None) -> OpenIntent:
        request, asked = self.requests[place], self.asked(place)
        check(asked, context, self.limits)
        if request.caller_id not in self._linked:
            raise NotLinked
        if not request.input.is_reachable:
            raise LoyaltyUnavailable(retry_after_s=RETRY_AFTER_S)
        escrow.assert_payable(wallet, 0, currency=escrow.Currency.POINT)
        self._new.append(_New(asked, context, request))
        return OpenIntent(
            spin_id=asked.spin_id,
            user_id=request.caller_id,
            bet=asked.bet,
            request_id=request.request_id,
            resumed=False,
        )

    def store(self) -> Sequence[Statement]:
        statements = []
        if self._new:
            deducts = [
                loyalty.SpinDeduct(
                    spin_id=asked.spin_id,
                    user_id=request.caller_id,
                    amount=asked.bet,
                    request_id=request.request_id,
                )
                for asked, _, request in self._new
            ]
            statements += [self._inserting(), loyalty.opening_deducts(deducts)]
        if self._resumed:
            statements.append(loyalty.postponing_deducts(self._resumed))
        return statements

    def _inserting(self) -> Statement:
        asked = [each.asked for each in self._new]
        contexts = [each.context for each in self._new]
        requests = [each.request for each in self._new]
        params = {
            "at": self.loaded[0].now,
            "ids": array([each.spin_id for each in asked]),
            "users": array([request.caller_id for request in requests]),
            "keys": array([request.key for request in requests]),
            "fingerprints": array([request.fingerprint for request in requests]),
            "bets": array([each.bet for each in asked]),
            "performers": array([each.performer_id for each in asked]),
            "client_nonces": array([each.client_nonce for each in asked]),
            "drawn": array([each.client_nonce_drawn for each in asked]),
            "client_seeds": array([each.client_seed for each in asked]),
            "paytables": array([context.paytable_id for context in contexts]),
            "commitments": array([context.commitment for context in contexts]),
            "nonces": array([context.nonce for context in contexts]),
            "request_ids": array([request.request_id for request in requests]),
        }
        return Statement(_INSERT, params, rows=len(asked))
