"""Fixtures of every test: real transactions, a database emptied after each, a clock, the ledger's invariants."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.db import connection
from django.test import TransactionTestCase
from django.test.utils import override_settings
from django_prometheus.middleware import Metrics
from hypothesis import HealthCheck
from hypothesis import settings as generated

from core.api import Endpoint
from escrow.services import breaker_state
from escrow.services.breaker import reset_breaker
from loyalty.client import breaker as redroomrewards
from tests.cleaning import empty_database, renew_session, sweeper
from tests.clock import Clock
from tests.declared import undeclared, watched
from tests.ordering import file_of, longest_first

# How long an example takes is the machine's affair: others work on it beside the tests.
generated.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
generated.load_profile("patient")

OWN_CALLBACKS = tuple(redroomrewards._listener.callbacks)
"""The callbacks that the applications themselves register with the breaker."""

DB_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


def pytest_collection() -> None:
    """Import the admin classes, as the addresses do in a process that shows pages: some tests are made of them."""
    admin.autodiscover()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put long files first where workers share them."""
    if hasattr(config, "workerinput"):
        items[:] = [items[place] for place in longest_first([file_of(item) for item in items])]


@pytest.fixture(scope="session", autouse=True)
def _emptying_by_delete() -> Iterator[None]:
    """Empty the database by DELETE: the ledger refuses Django's TRUNCATE. Reference rows are inserted again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: empty_database())
        patch.setattr(TransactionTestCase, "_should_reload_connections", lambda self: renew_session())
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_when_asked() -> Iterator[None]:
    """Skip WhiteNoise's scan of all static files, which every new test client would repeat."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "WHITENOISE_AUTOREFRESH", True, raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def _passwords_hashed_quickly() -> Iterator[None]:
    """Hash passwords in no time: the product's way takes a third of a second, by design. Stacks keep that."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True, scope="session")
def _metrics_registered() -> None:
    """Create the library's only instance before threads do: it takes no lock."""
    Metrics.get_instance()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Empty the database of what migrations inserted, but for the reference rows, for the first test."""
    with django_db_blocker.unblock():
        empty_database()
        connection.close()  # the next one has the settings that migrations gave the database
    yield
    sweeper.close()


@pytest.fixture(autouse=True)
def _breaker_unwatched() -> None:
    """Forget that a process (xxxchat.wsgi) was imported: it keeps changes of the breaker in the database."""
    redroomrewards._listener.callbacks[:] = OWN_CALLBACKS


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


@pytest.fixture(autouse=True, scope="session")
def _answers_watched() -> Iterator[None]:
    """Note every refusal of the API that its description does not have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Endpoint, "_finished", watched(Endpoint._finished))
        yield


@pytest.fixture(autouse=True)
def _answers_are_declared() -> Iterator[None]:
    """Require of every refusal of the API, in any test, that the endpoint declares its status and code."""
    yield
    found = sorted(set(undeclared))
    undeclared.clear()
    assert found == []


@pytest.fixture
def clock(transactional_db: None) -> Iterator[Clock]:
    """The database's clock, which a test shifts instead of sleeping."""
    moved = Clock(connection)
    yield moved
    moved.reset()
