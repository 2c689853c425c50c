"""A queue that is locked: commands are refused as busy, reads do not wait."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID

import pytest
from django.db import connection, transaction

from accounts.models import User
from core.db import rows
from core.errors import QueueBusy
from perfqueue import services
from perfqueue.services.expiry import Expired, expire_if_unlocked
from perfqueue.services.queues import locked_queue
from tests.clock import Clock
from tests.hostile.asking import code, nothing_written
from tests.world import again, buy, client_of, key, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1"


@contextmanager
def elsewhere(lock: Callable[[], AbstractContextManager[object]]) -> Iterator[None]:
    """Somebody else's transaction holds a lock."""
    taken, over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with lock():
                taken.set()
                assert over.wait(timeout=30)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(timeout=20)
    yield
    over.set()
    holder.join(timeout=20)


def locked(performer_id: UUID) -> AbstractContextManager[None]:
    """Somebody else has the line's row."""
    return elsewhere(lambda: locked_queue(performer_id))


def wallets_locked(owner: User) -> AbstractContextManager[None]:
    """Somebody else has the owner's wallets."""

    @contextmanager
    def lock() -> Iterator[None]:
        with transaction.atomic():
            rows("SELECT id FROM escrow_wallet WHERE owner_id = %s FOR UPDATE", [owner.pk])
            yield

    return elsewhere(lock)


@pytest.fixture
def hasty(transactional_db: None) -> Iterator[None]:
    """This connection waits a tenth of a second for a lock; three would only be slower."""
    rows("SELECT set_config('lock_timeout', '100ms', false)")
    yield
    rows("SELECT set_config('lock_timeout', '3s', false)")


def test_a_command_on_a_locked_queue_is_asked_to_retry(hasty: None) -> None:
    ruby, alice = performer(), person(tokens=100)
    item = buy(alice, ruby)
    asked = [
        (ruby, f"queue/items/{item.id}/start", {}),
        (alice, f"queue/items/{item.id}/leave", {}),
        (staff(), f"admin/queue/items/{item.id}/refund", {"reason": "x"}),
        (staff(), "admin/queue/refunds", {"ids": [str(item.id)], "reason": "x"}),
        (ruby, f"performer/{ruby.pk}/queue/pause", {}),
    ]

    with locked(ruby.pk), nothing_written():
        for actor, path, body in asked:
            answer = client_of(actor).post(f"{API}/{path}", body, format="json", headers=key())
            assert code(answer) == (503, "QUEUE_BUSY"), path
            assert answer.headers["Retry-After"] == "1"

    assert again(item).state == "created"


def test_a_refused_command_may_come_again_with_its_key(hasty: None) -> None:
    ruby = performer()
    item = buy(person(tokens=100), ruby)
    headers, path = key(), f"{API}/queue/items/{item.id}/start"

    with locked(ruby.pk):
        assert client_of(ruby).post(path, headers=headers).status_code == 503

    assert client_of(ruby).post(path, headers=headers).json()["state"] == "started"


def test_reads_of_an_overdue_queue_do_not_wait(clock: Clock) -> None:
    ruby, alice = performer(rope_drop_s=30), person(tokens=100)
    item = buy(alice, ruby)
    clock.shift(seconds=31)
    client = client_of(alice)

    with locked(ruby.pk):
        line = client.get(f"{API}/performer/{ruby.pk}/queue")
        one = client.get(f"{API}/queue/items/{item.id}")
        many = client.get(f"{API}/queue/items")
        assert {answer.status_code for answer in (line, one, many)} == {200}
        assert one.json()["state"] == "created"

    assert client.get(f"{API}/queue/items/{item.id}").json()["state"] == "refunded"


def test_a_wallet_that_stays_locked_is_no_failure_of_an_item(hasty: None, clock: Clock) -> None:
    """It stops a command, so that nothing is decided after its time; reads and sweeps look again later."""
    ruby, alice = performer(rope_drop_s=30), person(tokens=1_000)
    items = [buy(alice, ruby) for _ in range(3)]
    clock.shift(hours=49)

    with wallets_locked(alice):
        with pytest.raises(QueueBusy):
            services.expire_due(ruby.pk)
        assert expire_if_unlocked(ruby.pk) == Expired(0, {})
        assert services.sweep("test") == 0

    assert services.sweep("test") == 3
    assert {again(item).state for item in items} == {"refunded"}
