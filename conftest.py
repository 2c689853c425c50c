"""Fixtures of every test: real transactions, a database emptied after each, the movable clock, the ledger's sums."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase
from django_prometheus.middleware import Metrics

from escrow.services import breaker_state
from escrow.services.breaker import reset_breaker
from tests.clock import Clock
from tests.emptying import empty_database
from xxxchat.reference_data import seed_reference

DB_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


@pytest.fixture(scope="session", autouse=True)
def _emptying_by_delete() -> Iterator[None]:
    """Django would TRUNCATE, which the ledger refuses; delete instead, under replica, and put reference rows back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: empty_database())
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_when_asked() -> Iterator[None]:
    """Every test client loads the middleware anew; its scan of all static files would take longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "WHITENOISE_AUTOREFRESH", True, raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def _metrics_registered() -> None:
    """Each test client loads the middleware by itself; the library's one instance is made without a lock (races)."""
    Metrics.get_instance()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The first test finds the reference rows too."""
    with django_db_blocker.unblock():
        seed_reference()


@pytest.fixture(autouse=True)
def _breaker_closed() -> Iterator[None]:
    """The circuit breaker is the process's; what one test opened is not the next one's."""
    yield
    if breaker_state() != "closed":
        reset_breaker()


@pytest.fixture(autouse=True)
def _ledger_adds_up(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test that moved money, V1–V8 hold. A test that tampers on purpose says `tampers`."""
    marker = request.node.get_closest_marker("django_db")
    if marker is None and not DB_FIXTURES & set(request.fixturenames):
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    if request.node.get_closest_marker("tampers") is None:
        from tests.ledger import assert_ledger_adds_up

        assert_ledger_adds_up()


@pytest.fixture
def clock(transactional_db: None) -> Iterator[Clock]:
    """The database's clock, to be moved. Nothing sleeps."""
    moved = Clock(connection)
    yield moved
    moved.reset()
