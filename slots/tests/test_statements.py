"""The number of statements of a spin and of a page of history, with real commits."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from escrow.models import Operation
from slots.tests.factories import losing, player, post_spin, winning
from tests.world import client_of, performer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> User:
    return player()


@pytest.fixture
def client(user: User) -> APIClient:
    return client_of(user)


def statements(captured: CaptureQueriesContext) -> list[str]:
    """What was sent, without the transaction's own words."""
    sent = [query["sql"] for query in captured.captured_queries]
    assert not [sql for sql in sent if "SAVEPOINT" in sql]
    return [sql for sql in sent if sql not in ("BEGIN", "COMMIT", "ROLLBACK")]


def test_a_spin_takes_nine_statements_even_a_users_first(client: APIClient, user: User) -> None:
    nonce, room, newcomer = winning(user).hex(), performer(), client_of(player())

    with CaptureQueriesContext(connection) as won:
        response = post_spin(client, clientNonce=nonce, performerId=str(room.id))
    with CaptureQueriesContext(connection) as first:
        post_spin(newcomer)

    assert json.loads(response.content)["result"]["isWin"]
    assert len(statements(won)) == len(statements(first)) == 9


def test_a_loss_takes_as_many_and_never_touches_the_award(client: APIClient, user: User) -> None:
    nonce = losing(user).hex()

    with CaptureQueriesContext(connection) as lost:
        post_spin(client, clientNonce=nonce)

    assert len(statements(lost)) == 9
    assert sorted(Operation.objects.filter(hold__payer_id=user.pk).values_list("kind", flat=True)) == ["hold", "settle"]


def test_history_costs_the_same_at_any_offset_and_length(client: APIClient) -> None:
    costs = set()
    for spins in (1, 12):
        for _ in range(spins):
            post_spin(client)
        for query in ("", "?limit=1", "?limit=100&offset=3", "?offset=12"):
            with CaptureQueriesContext(connection) as captured:
                client.get(f"/api/v1/slot-machine/history{query}")
            costs.add(len(statements(captured)))

    assert costs <= {1, 2}
