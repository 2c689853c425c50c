"""Starts out of turn, blocks, withdrawals and settings: who is refunded, and who keeps the turn."""

import pytest

from accounts.models import User
from core.db import command
from core.errors import Forbidden, NotFound
from perfqueue import services
from perfqueue.errors import NotHeadOfQueue
from perfqueue.models import Block, Transition
from perfqueue.services import State, control
from tests import world
from tests.clock import Clock
from tests.world import again, available, buy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ruby() -> User:
    return world.performer("ruby")


@pytest.fixture
def alice() -> User:
    return world.person("alice", tokens=1_000)


@pytest.fixture
def bob() -> User:
    return world.person("bob", tokens=1_000)


def test_staff_start_another_than_the_head_with_a_reason_and_the_head_keeps_place_and_time(
    ruby: User, alice: User, bob: User, clock: Clock
) -> None:
    head, other = buy(alice, ruby), buy(bob, ruby)
    clock.shift(seconds=50)

    started = command(lambda: services.start(item_id=other.pk, actor=world.staff(), reason="a birthday"))

    assert started.state == State.STARTED
    kept = again(head)
    assert (kept.state, kept.turn, kept.rope_drop_at) == (State.CREATED, head.turn, None)
    assert kept.rope_drop_left_ms is not None
    assert 69_000 < kept.rope_drop_left_ms <= 70_000
    assert Transition.objects.get(item=other, to_state="started").reason == "a birthday"


def test_without_a_reason_staff_follow_the_order_and_a_performer_always_does(ruby: User, alice: User) -> None:
    _, other = buy(alice, ruby), buy(alice, ruby)

    for actor, reason in ((world.staff(), ""), (ruby, "a birthday")):
        with pytest.raises(NotHeadOfQueue):
            command(lambda actor=actor, reason=reason: services.start(item_id=other.pk, actor=actor, reason=reason))  # type: ignore[misc]


def test_a_block_refunds_the_buyer_and_keeps_them_out(ruby: User, alice: User, bob: User) -> None:
    first, second, third = buy(alice, ruby), buy(bob, ruby), buy(alice, ruby)

    command(lambda: services.block(performer_id=ruby.pk, user_id=alice.pk, actor=ruby))

    assert [(again(item).state, again(item).cause) for item in (first, third)] == [("refunded", "BUYER_BLOCKED")] * 2
    assert available(alice) == 1_000
    assert again(second).rope_drop_at is not None
    with pytest.raises(Forbidden):
        buy(alice, ruby)
    assert available(alice) == 1_000
    buy(alice, world.performer())


def test_a_block_leaves_the_started_item_and_an_unblock_lets_in_again(ruby: User, alice: User) -> None:
    item = buy(alice, ruby)
    command(lambda: services.start(item_id=item.pk, actor=ruby))

    for _ in range(2):
        command(lambda: services.block(performer_id=ruby.pk, user_id=alice.pk, actor=ruby))
    assert Block.objects.count() == 1
    command(lambda: services.finish(item_id=item.pk, actor=ruby))
    for _ in range(2):
        command(lambda: services.unblock(performer_id=ruby.pk, user_id=alice.pk, actor=ruby))

    assert again(item).state == State.FINISHED
    assert again(buy(alice, ruby)).state == State.CREATED


def test_a_performer_blocks_for_her_own_queue_and_buyers_only(ruby: User, alice: User) -> None:
    jade = world.performer()
    with pytest.raises(Forbidden):
        command(lambda: services.block(performer_id=ruby.pk, user_id=alice.pk, actor=jade))
    with pytest.raises(NotFound):
        command(lambda: services.block(performer_id=ruby.pk, user_id=jade.pk, actor=ruby))


def test_a_withdrawal_gives_back_what_waits_and_nothing_else(ruby: User, alice: User, bob: User) -> None:
    started, gone, stays = buy(alice, ruby), buy(alice, ruby), buy(bob, ruby)
    command(lambda: services.start(item_id=started.pk, actor=ruby))

    done = command(lambda: control.withdraw(performer_id=ruby.pk, item_ids=[started.pk, gone.pk], actor=ruby))

    assert [item.pk for item in done] == [gone.pk]
    assert (again(gone).cause, again(started).state, again(stays).state) == ("ITEM_WITHDRAWN", "started", "created")
    assert services.item_view(services.item_for(stays.pk), viewer=bob).position == 1


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_the_endpoint_of_blocks_is_her_own(ruby: User, alice: User, method: str) -> None:
    address, body = f"/api/v1/performer/{ruby.pk}/blocks", {"userId": str(alice.pk)}

    for stranger in (world.performer(), alice, world.staff()):
        answer = getattr(world.client_of(stranger), method)(address, body if method != "get" else {}, format="json")
        assert answer.status_code == 403


def test_the_endpoint_of_blocks_blocks_lists_and_unblocks(ruby: User, alice: User) -> None:
    address, body = f"/api/v1/performer/{ruby.pk}/blocks", {"userId": str(alice.pk)}
    client = world.client_of(ruby)

    assert client.post(address, body, format="json").json()["userId"] == str(alice.pk)
    (listed,) = client.get(address).json()["items"]
    assert (listed["userId"], listed["username"]) == (str(alice.pk), "alice")
    assert client.delete(address, body, format="json").status_code == 200
    assert client.get(address).json() == {"items": [], "next": None}
    client.post(address, body, format="json")
    assert client.delete(f"{address}?userId={alice.pk}").json() == {"userId": str(alice.pk), "blocked": False}
    assert client.delete(address).status_code == 400
    assert client.post(address, {"userId": str(ruby.pk)}, format="json").status_code == 404
    assert client.post(address, {}, format="json").status_code == 400


def test_settings_are_read_and_changed_by_their_owner_within_bounds(ruby: User) -> None:
    address = f"/api/v1/performer/{ruby.pk}/queue/settings"
    client = world.client_of(ruby)

    assert client.get(address).json() == {
        "maxDepth": 25,
        "openItemsPerUser": 3,
        "ropeDropSeconds": 120,
        "maxWaitSeconds": 14_400,
        "overrunGraceSeconds": 30,
        "disconnectGraceSeconds": 60,
        "abandonmentPolicy": "full_refund",
    }
    changed = client.patch(address, {"ropeDropSeconds": 30, "abandonmentPolicy": "review"}, format="json").json()
    assert (changed["ropeDropSeconds"], changed["abandonmentPolicy"], changed["maxDepth"]) == (30, "review", 25)
    for wrong in ({"ropeDropSeconds": 29}, {"ropeDropSeconds": 901}, {"maxDepth": 0}, {"maxDepth": 201}, {"depth": 3},
                  {"openItemsPerUser": True}, {"abandonmentPolicy": "keep"}):  # fmt: skip
        assert client.patch(address, wrong, format="json").status_code == 400, wrong
    assert client.get(address).json() == changed
    assert world.client_of(world.performer()).patch(address, {"maxDepth": 3}, format="json").status_code == 403
    assert world.client_of(world.performer()).get(address).status_code == 403
