"""Spins that RedRoomRewards pays, batch by batch: the test says what became of each deduct."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from accounts.models import User
from core.batches import Begun, Command, KeyedRequest
from core.ids import new_id
from core.pipelines import Pipeline
from loyalty.models import Link
from slots import services
from slots.batched import SPIN
from slots.services.intents import Attempt, IntentBatch, OpenIntent
from slots.services.settling import Deducted, NotDeducted, SettleBatch, Settlement, Unanswered
from slots.tests.factories import player

INTENTS = Command(batch=IntentBatch, render=repr)
SETTLEMENTS = Command(batch=SettleBatch, render=lambda settled: settled.answer)


def linked(user: User | None = None, *, points: int = 0) -> User:
    """A player who is linked to a member, with a slot state so that a batch takes the first spin."""
    user = user or player(points=points)
    Link.objects.create(user=user, member_id=f"member-{user.pk}")
    services.fairness(user=user)
    return user


def attempt(request: KeyedRequest[Any], *, is_reachable: bool = True) -> KeyedRequest[Attempt]:
    return replace(request, input=Attempt(spin=request.input, is_reachable=is_reachable))


def settlement(
    request: KeyedRequest[Any], begun: Any, deduct: Deducted | NotDeducted | Unanswered
) -> KeyedRequest[Settlement]:
    assert isinstance(begun, Begun), begun
    return replace(request, input=Settlement(intent=begun.value, deduct=deduct, render=SPIN.render))


def begin(*requests: KeyedRequest[Any], is_reachable: bool = True) -> list[Any]:
    """Run the first part of these requests in one batch."""
    return _batch(INTENTS, [attempt(each, is_reachable=is_reachable) for each in requests])


def begun(request: KeyedRequest[Any]) -> OpenIntent:
    """Run the first part of one request, which no gate refuses."""
    (outcome,) = begin(request)
    assert isinstance(outcome, Begun), outcome
    intent: OpenIntent = outcome.value
    return intent


def settle(*settlements: KeyedRequest[Settlement]) -> list[Any]:
    """Run the last part of these requests in one batch."""
    return _batch(SETTLEMENTS, settlements)


def _batch(command: Command[Any], requests: Sequence[KeyedRequest[Any]]) -> list[Any]:
    async def run() -> list[Any]:
        pipeline = Pipeline(_nothing, _nothing)
        try:
            return list((await pipeline.run(command, requests)).outcomes)
        finally:
            await pipeline.close()

    return asyncio.run(run())


def _nothing() -> None:
    return


def key() -> str:
    return f"spin-{new_id()}"
