"""The circuit breaker around the ledger: what opens it, what does not, how it closes again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection, transaction
from django.test import Client

from accounts.models import Role, ServiceAccount, User
from core.db import rows
from core.errors import LedgerUnavailable
from escrow import services
from escrow.errors import InsufficientBalance
from escrow.models import Hold, Wallet
from escrow.services import breaker
from escrow.tests.factories import request
from menus.tests.factories import item_in, menu_of
from tests.clock import Clock
from tests.interleaving import Concurrent
from tests.world import buy, client_of, key, performer, person

pytestmark = pytest.mark.django_db(transaction=True)
LATER = timedelta(seconds=breaker.OPEN_S + 0.1)


@pytest.fixture
def alice() -> User:
    return person(tokens=1_000)


def hold(payer: User) -> Any:
    return services.hold(request(payer))


@contextmanager
def impatient(setting: str = "statement_timeout") -> Iterator[None]:
    """Statements of this connection end after 30 ms."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET {setting} = 30")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"RESET {setting}")


@contextmanager
def kept_waiting(payer: User) -> Iterator[None]:
    """Somebody else has the payer's wallet for as long as this lasts."""
    with transaction.atomic():
        Wallet.objects.select_for_update().get(owner=payer, currency="TOKEN")
        yield


def failed(payer: User, times: int, setting: str = "statement_timeout") -> list[Any]:
    """What so many holds in another connection come to while somebody has the wallet."""

    def attempts() -> list[Any]:
        with impatient(setting):
            return [_outcome(payer) for _ in range(times)]

    with kept_waiting(payer):
        outcomes: list[Any] = Concurrent(attempts).result()
    return outcomes


def _outcome(payer: User) -> Any:
    try:
        return hold(payer)
    except Exception as error:  # noqa: BLE001  an outcome like any other; the test judges it
        return type(error)


def test_five_time_outs_in_a_row_open_it_and_nothing_is_sent(alice: User) -> None:
    assert failed(alice, 4) == [OperationalError] * 4
    assert services.breaker_state() == "closed"
    assert failed(alice, 2) == [OperationalError, LedgerUnavailable]
    assert services.breaker_state() == "open"

    with pytest.raises(LedgerUnavailable) as refused:
        hold(alice)

    assert 1 <= (refused.value.retry_after_s or 0) <= breaker.OPEN_S
    assert not Hold.objects.exists()


def test_a_success_resets_the_count_of_failures(alice: User) -> None:
    failed(alice, 4)
    hold(alice)

    assert failed(alice, 4) == [OperationalError] * 4
    assert services.breaker_state() == "closed"


def test_refusals_and_lock_time_outs_are_answers(alice: User) -> None:
    assert failed(alice, 6, "lock_timeout") == [OperationalError] * 6
    for _ in range(6):
        with pytest.raises(InsufficientBalance):
            services.hold(request(alice, amount=5_000))

    assert services.breaker_state() == "closed"


def test_lost_connections_open_it(alice: User) -> None:
    def cut() -> Any:
        (own,) = rows("SELECT pg_backend_pid() AS pid")
        with transaction.atomic():
            Concurrent(lambda: rows("SELECT pg_terminate_backend(%s)", [own["pid"]])).result()
            return hold(alice)

    for _ in range(5):
        with pytest.raises(OperationalError):
            cut()
        connection.close()

    assert services.breaker_state() == "open"


def test_after_five_seconds_one_call_tries_and_closes_it(alice: User) -> None:
    failed(alice, 5)
    with time_machine.travel(datetime.now(UTC) + LATER, tick=False):
        hold(alice)

    assert services.breaker_state() == "closed"
    hold(alice)
    assert Hold.objects.count() == 2


def test_a_trial_that_fails_opens_it_for_five_seconds_more(alice: User) -> None:
    failed(alice, 5)
    later = datetime.now(UTC) + LATER

    with time_machine.travel(later, tick=False):
        assert failed(alice, 2) == [OperationalError, LedgerUnavailable]
    with time_machine.travel(later + timedelta(seconds=4), tick=False), pytest.raises(LedgerUnavailable):
        hold(alice)
    with time_machine.travel(later + LATER, tick=False):
        hold(alice)

    assert services.breaker_state() == "closed"


def test_during_a_trial_other_calls_are_refused_at_once(alice: User) -> None:
    bob = person(tokens=100)
    failed(alice, 5)

    with time_machine.travel(datetime.now(UTC) + LATER, tick=False):
        with kept_waiting(alice):
            trial = Concurrent(lambda: hold(alice))
            trial.assert_blocked()
            assert services.breaker_state() == "half-open"
            assert Concurrent(lambda: _outcome(bob)).result() is LedgerUnavailable
        assert trial.result().code is None

    assert services.breaker_state() == "closed"
    assert _outcome(bob).code is None


def test_what_ends_after_it_has_opened_does_not_close_it(alice: User) -> None:
    bob = person(tokens=100)
    with kept_waiting(bob):
        slow = Concurrent(lambda: hold(bob))
        slow.assert_blocked()
        Concurrent(lambda: failed(alice, 5)).result()
        assert services.breaker_state() == "open"
    assert slow.result().code is None

    assert services.breaker_state() == "open"


def test_only_the_trial_decides_while_it_lasts(alice: User) -> None:
    failed(alice, 5)

    def calls_from_before_end() -> list[str]:
        states = []
        for went_wrong in (False, True):
            breaker.breaker.report(failed=went_wrong, is_trial=False)
            states.append(services.breaker_state())
        return states

    with time_machine.travel(datetime.now(UTC) + LATER, tick=False):
        assert breaker.guarded(calls_from_before_end) == ["half-open", "half-open"]

    assert services.breaker_state() == "closed"


def test_an_overdue_queue_can_be_read_while_it_is_open(alice: User, clock: Clock) -> None:
    ruby = performer(rope_drop_s=60)
    item = buy(alice, ruby)
    failed(alice, 5)
    clock.shift(seconds=61)

    answer = client_of(None).get(f"/api/v1/performer/{ruby.pk}/queue")

    assert answer.status_code == 200
    assert [each["id"] for each in answer.json()["items"]] == [str(item.pk)]
    breaker.reset_breaker()
    assert client_of(None).get(f"/api/v1/performer/{ruby.pk}/queue").json()["items"] == []


def test_endpoints_that_take_money_answer_503_and_the_probe_names_it(alice: User) -> None:
    ruby, service = performer(), person(role=Role.SERVICE)
    ServiceAccount.objects.create(user=service, features=["dare"], scopes=["hold"], cap_per_user_day=1_000)
    song = item_in(menu_of(ruby), price=10)
    failed(alice, 5)
    asked = {
        "userId": str(alice.pk), "amount": 10, "currency": "TOKEN", "payee": str(ruby.pk), "reason": "A dare",
        "sourceFeature": "dare", "sourceEventId": "d-1",
    }  # fmt: skip

    answers = [
        client_of(who).post(f"/api/v1/{path}", body, format="json", headers=key())
        for who, path, body in (
            (service, "escrow/holds", asked),
            (alice, f"menus/items/{song.pk}/purchase", {"expectedPrice": 10}),
            (alice, "slot-machine/spin", {"betAmount": 100}),
        )
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "LEDGER_UNAVAILABLE")
        assert 1 <= int(answer.headers["Retry-After"]) <= 5
    ready = Client().get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["parts"]["breaker"] == {"status": "degraded", "state": "open"}
    assert "xxxchat_ledger_breaker 2.0" in Client().get("/metrics").content.decode()
