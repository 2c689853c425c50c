"""What each command and read of a queue costs in statements. Exact, so that a change is noticed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core.clock import db_now
from core.db import command
from perfqueue import services
from tests.clock import Clock
from tests.world import buy, client_of, key, performer, person, queued, staff

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1"


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements sent inside, without BEGIN, COMMIT and authentication; a savepoint fails the test."""
    sent: list[str] = []
    with CaptureQueriesContext(connection) as run:
        yield sent
    sent += [query["sql"] for query in run if query["sql"] not in ("BEGIN", "COMMIT", "ROLLBACK")]
    assert not [sql for sql in sent if "SAVEPOINT" in sql]


@pytest.fixture
def ruby() -> User:
    return performer(depth=200, user_cap=200)


@pytest.fixture
def alice() -> User:
    return person(tokens=100_000)


def post(user: User, path: str, **body: Any) -> int:
    client = client_of(user)
    with counted() as sent:
        answer = client.post(f"{API}/{path}", body, format="json", headers=key())
    assert answer.status_code == 200, answer.content
    return len(sent)


@pytest.mark.parametrize("behind", [1, 30])
def test_commands_cost_the_same_however_long_the_queue(ruby: User, alice: User, behind: int) -> None:
    items = [buy(alice, ruby) for _ in range(4 + behind)]

    costs = {
        "start": post(ruby, f"queue/items/{items[0].id}/start"),
        "finish": post(ruby, f"queue/items/{items[0].id}/finish"),
        "refund": post(ruby, f"queue/items/{items[1].id}/refund", reason="no time"),
        "leave": post(alice, f"queue/items/{items[-1].id}/leave"),
        "start, abandon": post(ruby, f"queue/items/{items[2].id}/start")
        + post(ruby, f"queue/items/{items[2].id}/abandon"),
    }

    assert costs == {"start": 7, "finish": 8, "refund": 8, "leave": 8, "start, abandon": 7 + 8}


@pytest.mark.parametrize("ahead", [0, 1, 30])
def test_joining_takes_seven_statements_however_long_the_queue(ruby: User, alice: User, ahead: int) -> None:
    for _ in range(ahead):
        buy(alice, ruby)

    with counted() as sent:
        queued(alice, ruby)

    assert len(sent) == 7, sent


def test_an_instant_item_takes_few(alice: User) -> None:
    from perfqueue.tests.intake.test_intake import at_once

    player = person(points=1_000)
    with counted() as lost:
        at_once(player)
    with counted() as won:
        at_once(player, award=10)

    assert (len(lost), len(won)) == (5, 6)


def test_when_nothing_is_due_the_gate_takes_one_statement(ruby: User, alice: User) -> None:
    for _ in range(3):
        buy(alice, ruby)

    with counted() as sent:
        assert services.expire_due(ruby.pk) == 0

    assert len(sent) == 1


def test_a_round_of_the_sweeper_with_nothing_due_costs_the_same_at_any_length(ruby: User, alice: User) -> None:
    costs = []
    services.sweep("test")
    for many in (1, 20):
        for _ in range(many):
            buy(alice, ruby)
        with counted() as sent:
            assert services.sweep("test") == 0
        costs.append(len(sent))

    assert costs == [6, 6]


def test_bulk_refunds_cost_the_same_for_one_and_for_fifty(alice: User) -> None:
    support, costs = staff(), []

    for many in (1, 50):
        ruby = performer(depth=200, user_cap=200)
        ids = [str(buy(alice, ruby).id) for _ in range(many)]
        costs.append(post(support, "admin/queue/refunds", ids=ids, reason="power cut"))

    assert costs == [14, 14]


PAGES: dict[str, Callable[[User, User], tuple[User | None, str]]] = {
    "the public line": lambda ruby, _: (None, f"performer/{ruby.pk}/queue"),
    "the buyer's items": lambda _, alice: (alice, "queue/items?mine=true&limit=100"),
    "the performer's items": lambda ruby, _: (ruby, "queue/items?limit=100"),
    "the desk's items": lambda _ruby, _alice: (staff(), "admin/queue/items?limit=100"),
}
PAGE_COSTS = {"the public line": 7, "the buyer's items": 4, "the performer's items": 4, "the desk's items": 4}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_costs_the_same_at_any_length(ruby: User, alice: User, page: str) -> None:
    viewer, path = PAGES[page](ruby, alice)
    client, costs = client_of(viewer), []

    for many in (1, 24):
        for _ in range(many):
            buy(alice, ruby)
        with counted() as sent:
            assert client.get(f"{API}/{path}").status_code == 200
        costs.append(len(sent))

    assert costs == [PAGE_COSTS[page]] * 2


def test_a_list_of_performers_costs_one_statement_at_any_length() -> None:
    client, costs = client_of(None), []

    for many in (1, 12):
        for _ in range(many):
            performer()
        with counted() as sent:
            assert len(client.get(f"{API}/performer").json()["items"]) in (1, 13)
        costs.append(len(sent))

    assert costs == [1, 1]


def test_a_closed_queue_refunds_everybody_in_one_go(alice: User) -> None:
    costs = []

    for many in (2, 25):
        ruby = performer(depth=200, user_cap=200)
        for _ in range(many):
            buy(alice, ruby)
        with counted() as sent:
            command(lambda: services.close_queue(performer_id=ruby.pk, actor=ruby))  # noqa: B023  runs at once
        costs.append(len(sent))

    assert costs == [8, 8]


def test_a_page_of_overdue_queues_reads_again_once(ruby: User, alice: User, clock: Clock) -> None:
    """Expiry itself costs by item; what is pinned is that a page which met none pays nothing for it."""
    item = buy(alice, ruby)
    assert item.rope_drop_at is not None
    clock.shift(seconds=(item.rope_drop_at - db_now()).total_seconds() + 1)
    client = client_of(alice)

    with counted() as first:
        assert client.get(f"{API}/queue/items").json()["items"][0]["state"] == "refunded"
    with counted() as second:
        client.get(f"{API}/queue/items")

    assert len(second) == 2
    assert len(first) > len(second)
