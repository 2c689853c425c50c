"""Fixtures of every test: real transactions, a database emptied after each, a clock, the ledger's invariants."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase
from django_prometheus.middleware import Metrics

from escrow.services import breaker_state
from escrow.services.breaker import reset_breaker
from tests.cleaning import empty_database
from tests.clock import Clock
from xxxchat.reference_data import seed_reference

DB_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


@pytest.fixture(scope="session", autouse=True)
def _emptying_by_delete() -> Iterator[None]:
    """Empty the database by DELETE: the ledger refuses Django's TRUNCATE. Reference rows are inserted again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: empty_database())
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_when_asked() -> Iterator[None]:
    """Skip WhiteNoise's scan of all static files, which every new test client would repeat."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "WHITENOISE_AUTOREFRESH", True, raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def _metrics_registered() -> None:
    """Create the library's only instance before threads do: it takes no lock."""
    Metrics.get_instance()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Insert the reference rows for the first test."""
    with django_db_blocker.unblock():
        seed_reference()


@pytest.fixture(autouse=True)
def _breaker_closed() -> Iterator[None]:
    """Close the process's circuit breaker after each test."""
    yield
    if breaker_state() != "closed":
        reset_breaker()


@pytest.fixture(autouse=True)
def _ledger_adds_up(request: pytest.FixtureRequest) -> Iterator[None]:
    """Verify V1–V8 after each test with a database, except those marked `tampers`."""
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
    """The database's clock, which a test shifts instead of sleeping."""
    moved = Clock(connection)
    yield moved
    moved.reset()
