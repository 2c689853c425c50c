"""An item ends once: what is settled and refunded never exceeds what was held."""

from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any

import pytest

import escrow.services
from accounts.models import User
from core.db import command
from perfqueue import services
from perfqueue.models import QueueItem, Transition
from perfqueue.services import ItemFacts, State
from tests.concurrency.naive import Twin
from tests.racing import names, race
from tests.world import again, available, buy, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)

Ending = Callable[[QueueItem, User, User], Any]
ENDINGS: dict[str, Ending] = {
    "finish": lambda item, ruby, _: services.finish(item_id=item.id, actor=ruby),
    "split": lambda item, ruby, _: services.finish(item_id=item.id, actor=ruby, settle=61, reason="half"),
    "refund": lambda item, ruby, _: services.refund(item_id=item.id, actor=ruby),
    "abandon": lambda item, ruby, _: services.abandon(item_id=item.id, actor=ruby),
    "bulk": lambda item, _, support: bulk(item, support),
}
PAID = {"finish": 100, "split": 61, "refund": 0, "abandon": 0, "bulk": 0}


def bulk(item: QueueItem, support: User) -> object:
    """A bulk refund tells its refusals; raise them, as single commands do."""
    (result,) = services.refund_many(item_ids=[item.id], actor=support, reason="race")
    if result.code is not None:
        raise ValueError(result.code)
    return services.item_for(item.id)


@pytest.mark.parametrize(("first", "second"), list(combinations_with_replacement(ENDINGS, 2)))
def test_of_two_endings_at_once_one_happens(first: str, second: str) -> None:
    ruby, alice, support = performer(), person(tokens=100), staff()
    item = buy(alice, ruby, 100)
    services.start(item_id=item.id, actor=ruby)

    outcomes = race(
        lambda: command(lambda: ENDINGS[first](item, ruby, support)),
        lambda: command(lambda: ENDINGS[second](item, ruby, support)),
    )

    won = [
        name for name, outcome in zip((first, second), outcomes, strict=True) if isinstance(outcome, services.ItemFacts)
    ]
    lost = [outcome for outcome in outcomes if not isinstance(outcome, services.ItemFacts)]
    assert len(won) == 1
    assert type(lost[0]).__name__ == "InvalidTransition" or lost[0].args == ("INVALID_TRANSITION",)
    paid = PAID[won[0]]
    assert (available(alice), escrow.services.wallets_of(ruby.pk)[0].earned) == (100 - paid, paid)
    assert again(item).state == (State.FINISHED if paid else State.REFUNDED)
    assert Transition.objects.filter(item=item, to_state__in=("finished", "refunded")).count() == 1


def test_control_naive_settle_and_refund_both_pay(twin: Callable[..., Twin]) -> None:
    hold = twin(attempts=2, amount=100, closed=0, captured=0, released=0)

    def is_open(seen: dict[str, int]) -> bool:
        return not seen["closed"]

    outcomes = race(
        lambda: hold.attempt(is_open, "closed = 1, captured = amount"),
        lambda: hold.attempt(is_open, "closed = 1, released = amount"),
    )

    assert outcomes == [True, True]
    facts = hold.facts()
    assert facts["captured"] + facts["released"] > facts["amount"]


def test_a_buyer_leaves_while_the_performer_starts() -> None:
    ruby = performer()

    for _ in range(5):
        alice = person(tokens=100)
        item = buy(alice, ruby, 100)
        started, left = race(
            lambda: command(lambda: services.start(item_id=item.id, actor=ruby)),  # noqa: B023  runs at once
            lambda: command(lambda: services.leave(item_id=item.id, actor=alice)),  # noqa: B023
        )

        assert names([started, left]) == {"ItemFacts": 1, "InvalidTransition": 1}
        assert again(item).state == (State.STARTED if isinstance(started, ItemFacts) else State.REFUNDED)
        if isinstance(started, ItemFacts):
            services.refund(item_id=item.id, actor=ruby)
        assert available(alice) == 100


def test_a_buyer_leaves_while_the_queue_closes() -> None:
    ruby, alice, bob = performer(), person(tokens=100), person(tokens=100)
    item = buy(alice, ruby, 100)
    buy(bob, ruby, 100)

    closed, left = race(
        lambda: command(lambda: services.close_queue(performer_id=ruby.pk, actor=ruby)),
        lambda: command(lambda: services.leave(item_id=item.id, actor=alice)),
    )

    assert closed is None
    assert type(left).__name__ in ("ItemFacts", "InvalidTransition")
    assert (available(alice), available(bob)) == (100, 100)
    assert not QueueItem.objects.exclude(state=State.REFUNDED).exists()
