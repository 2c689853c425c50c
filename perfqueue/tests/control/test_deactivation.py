"""A deactivated performer: her queue ends, nothing of hers is sold or shown, and buyers keep what is theirs."""

from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection
from django.test import Client

import accounts.services
from accounts.models import User
from accounts.tokens import issue
from core.clock import db_now
from core.db import command
from core.errors import Forbidden, NotFound
from core.ids import new_id
from live.models import EventRow
from perfqueue import services
from perfqueue.models import PerformerQueue
from perfqueue.services import State
from perfqueue.services.intake import intake
from perfqueue.services.queues import locked_queue
from slots.tests.factories import play
from tests import world
from tests.addresses import addresses
from tests.world import again, available, buy, client_of, deactivated, key

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1"


@pytest.fixture
def ruby() -> User:
    return world.performer("ruby", fee_bps=1_000)


@pytest.fixture
def alice() -> User:
    return world.person("alice", tokens=1_000)


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_deactivating_ends_the_queue_and_refunds_everybody(ruby: User, alice: User) -> None:
    bob = world.person("bob", tokens=1_000)
    started, first, second = buy(alice, ruby), buy(bob, ruby), buy(alice, ruby)
    command(lambda: services.start(item_id=started.pk, actor=ruby))
    before = EventRow.objects.count()

    deactivated(ruby)

    assert [(again(item).state, again(item).cause) for item in (started, first, second)] == [
        (State.REFUNDED, "STREAM_ENDED")
    ] * 3
    assert (available(alice), available(bob)) == (1_000, 1_000)
    queue = PerformerQueue.objects.get(pk=ruby.pk)
    assert (queue.is_open, queue.silent_at, queue.presence) == (False, None, "offline")
    assert not User.objects.get(pk=ruby.pk).is_active
    keys = list(EventRow.objects.order_by("id").values_list("key", flat=True))[before:]
    assert sorted(keys) == sorted(["queue.item.refunded"] * 3 + ["queue.item.abandoned", "queue.changed"])


def test_with_the_policy_of_review_the_started_item_waits_for_staff(alice: User) -> None:
    ruby = world.performer(abandon_policy="review")
    item = buy(alice, ruby)
    command(lambda: services.start(item_id=item.pk, actor=ruby))

    deactivated(ruby)

    assert (again(item).state, available(alice)) == (State.ABANDONED, 900)
    command(lambda: services.resolve(item_id=item.pk, actor=world.staff(), reason="half", settle=40))
    assert available(alice) == 960


def test_a_second_deactivation_changes_nothing_and_nobody_deactivates_themselves(ruby: User) -> None:
    admin = world.staff("admin")

    assert services.deactivate(user_id=ruby.pk, actor=admin)
    assert not services.deactivate(user_id=ruby.pk, actor=admin)
    assert services.deactivate(user_id=world.person().pk, actor=admin)
    with pytest.raises(Forbidden):
        services.deactivate(user_id=admin.pk, actor=admin)
    with pytest.raises(NotFound):
        services.deactivate(user_id=new_id(), actor=admin)


def test_every_address_of_hers_is_404(ruby: User, alice: User) -> None:
    deactivated(ruby)
    body = {
        "presence": {"state": "idle"}, "blocks": {"userId": str(alice.pk)}, "payouts": {"amount": 1_000},
    }  # fmt: skip
    found = {}
    for path, pattern in addresses("api/v1/performer/"):
        view = pattern.callback.cls  # type: ignore[attr-defined]
        for method in ("get", "post", "patch", "delete"):
            if not hasattr(view, method):
                continue
            client = client_of(None if view.public else world.performer())
            address = f"{API}/performer/{path.replace('<id:performer_id>', str(ruby.pk))}"
            answer = getattr(client, method)(address, body.get(path.split("/")[-1], {}), format="json", headers=key())
            found[f"{method} {path}"] = answer.status_code
    assert len(found) > 14
    assert set(found.values()) == {404}, found
    assert client_of(world.staff("finance")).get(f"{API}/performer/{ruby.pk}/earnings").status_code == 200
    for page in ("", "/live", "/feed"):
        assert Client().get(f"/rooms/{ruby.pk}{page}").status_code == 404
    assert str(ruby.pk) not in Client().get("/").content.decode()


def test_buyers_still_read_their_items_and_staff_all(ruby: User, alice: User) -> None:
    item = buy(alice, ruby)
    deactivated(ruby)

    assert client_of(alice).get(f"{API}/queue/items/{item.pk}").json()["state"] == "refunded"
    assert client_of(world.staff()).get(f"{API}/admin/queue/items").json()["items"][0]["id"] == str(item.pk)
    page = Client()
    page.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    shown = page.get("/requests?show=done").content.decode()
    assert "Ruby" in shown
    assert f"/rooms/{ruby.pk}" not in shown
    left = page.post(f"/requests/{item.pk}/leave", {"idempotency_key": str(new_id())})
    assert (left.status_code, left.headers["Location"]) == (302, "/requests")


def test_a_buyer_leaves_an_item_of_an_account_that_was_deactivated_in_the_database(ruby: User, alice: User) -> None:
    item = buy(alice, ruby)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE accounts_user SET is_active = false WHERE id = %s", [ruby.pk])
        cursor.execute("RESET session_replication_role")

    assert client_of(alice).post(f"{API}/queue/items/{item.pk}/leave", headers=key()).status_code == 200
    assert available(alice) == 1_000


def test_a_spin_in_her_room_is_refused(ruby: User) -> None:
    deactivated(ruby)

    with pytest.raises(NotFound):
        play(user=world.person(points=1_000), bet=100, performer_id=ruby.pk)


def test_her_sessions_and_tokens_end_for_good(ruby: User) -> None:
    tokens = issue(ruby)
    client = Client()
    client.force_login(ruby, backend="django.contrib.auth.backends.ModelBackend")

    for change in (deactivated, lambda user: accounts.services.reactivate(user.pk)):
        change(ruby)
        assert client.get("/account").status_code == 302
        assert Client(headers={"Authorization": f"Bearer {tokens.access}"}).get(f"{API}/me").status_code == 401
        answer = Client().post(
            f"{API}/auth/token/refresh", {"refresh": tokens.refresh}, content_type="application/json"
        )
        assert answer.status_code == 401


def test_a_reactivated_performer_works_again_with_a_closed_queue(ruby: User, alice: User) -> None:
    deactivated(ruby)

    assert accounts.services.reactivate(ruby.pk)
    assert not accounts.services.reactivate(ruby.pk)

    assert not services.queue_view(ruby.pk, viewer=None).queue.is_open
    command(lambda: services.open_queue(performer_id=ruby.pk, actor=ruby))
    assert again(buy(alice, ruby)).state == State.CREATED


def test_the_database_refuses_an_open_queue_of_a_deactivated_performer(ruby: User, alice: User) -> None:
    with pytest.raises(IntegrityError, match="its queue is open"):
        User.objects.filter(pk=ruby.pk).update(is_active=False)
    buy(alice, ruby)
    PerformerQueue.objects.filter(pk=ruby.pk).update(is_open=False)
    with pytest.raises(IntegrityError, match="or has items"):
        User.objects.filter(pk=ruby.pk).update(is_active=False)
    deactivated(ruby)
    with pytest.raises(IntegrityError, match="cannot be open"):
        PerformerQueue.objects.filter(pk=ruby.pk).update(is_open=True, opened_at=db_now())


def instant(buyer: User, performer: User) -> services.ItemFacts:
    """An item that she is paid for at once, such as a tip."""
    event = str(new_id())
    with locked_queue(performer.pk):
        opened = world.held(buyer, performer, 100)
    payload = services.Intake(
        event, "test", event, performer.pk, buyer.pk, UUID(str(opened.hold_id)), 100, "TOKEN", "A tip",
        fulfilment="instant",
    )  # fmt: skip
    return command(lambda: intake(payload, actor=buyer)).item


def test_nothing_is_paid_to_a_deactivated_performer(ruby: User, alice: User) -> None:
    assert instant(alice, ruby).state == State.FINISHED
    deactivated(ruby)

    with pytest.raises(NotFound):
        instant(alice, ruby)
    with pytest.raises(NotFound):
        buy(alice, ruby)


def test_a_block_bars_instant_items_that_she_is_paid_for_and_no_spin(ruby: User, alice: User) -> None:
    player = world.person(points=1_000)
    for user in (alice, player):
        command(lambda user=user: services.block(performer_id=ruby.pk, user_id=user.pk, actor=ruby))  # type: ignore[misc]

    with pytest.raises(Forbidden):
        instant(alice, ruby)
    assert instant(alice, world.performer()).state == State.FINISHED
    assert play(user=player, bet=100, performer_id=ruby.pk)
    command(lambda: services.unblock(performer_id=ruby.pk, user_id=alice.pk, actor=ruby))
    assert instant(alice, ruby).state == State.FINISHED
