"""Conditional reads: an ETag of what was read, 304 while nothing changed."""

import pytest

from accounts.models import User
from core.ids import new_id
from perfqueue import services
from perfqueue.models import QueueItem
from tests.clock import Clock
from tests.world import client_of

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1"
LOOKS = ("performer/{ruby}/queue", "queue/items", "queue/items/{item}")


@pytest.mark.parametrize("path", LOOKS)
def test_a_known_etag_gets_304_until_something_changes(path: str, ruby: User, alice: User, item: QueueItem) -> None:
    client, address = client_of(alice), f"{API}/{path.format(ruby=ruby.pk, item=item.pk)}"

    first = client.get(address)
    known = {"If-None-Match": f'"another", W/{first.headers["ETag"]}'}
    again = client.get(address, headers=known)
    services.start(item_id=item.pk, actor=ruby)
    moved = client.get(address, headers=known)

    assert (first.status_code, again.status_code, moved.status_code) == (200, 304, 200)
    assert (again.content, again.headers["ETag"]) == (b"", first.headers["ETag"])
    assert "started" in moved.content.decode()
    for answer in (first, again, moved):
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["Vary"] == "Authorization, Cookie, origin"
        assert answer.headers["X-Request-Id"]


def test_the_queue_of_one_is_not_that_of_another(ruby: User, alice: User, item: QueueItem) -> None:
    address = f"{API}/performer/{ruby.pk}/queue"

    hers = client_of(alice).get(address)
    strangers = client_of(None).get(address, headers={"If-None-Match": hers.headers["ETag"]})

    assert hers.json()["items"][0]["mine"] is True
    assert (strangers.status_code, strangers.json()["items"][0]["mine"]) == (200, False)


def test_a_conditional_read_passes_the_gate_too(clock: Clock, ruby: User, alice: User, item: QueueItem) -> None:
    address = f"{API}/queue/items/{item.pk}"
    first = client_of(alice).get(address)
    clock.shift(seconds=121)

    late = client_of(alice).get(address, headers={"If-None-Match": first.headers["ETag"]})

    assert (late.status_code, late.json()["state"]) == (200, "refunded")


@pytest.mark.parametrize("path", LOOKS)
def test_a_refused_read_is_not_to_be_stored(path: str) -> None:
    answer = client_of(None).get(f"{API}/{path.format(ruby=new_id(), item=new_id())}", headers={"If-None-Match": "*"})

    assert answer.status_code in (401, 404)
    assert answer.headers["Cache-Control"] == "no-store"
