"""A RedRoomRewards of the tests' own."""

from collections.abc import Iterator

import pytest
from tenacity import wait_random_exponential

from core import dispatch
from loyalty.client import sending
from loyalty.services import recovery
from loyalty.tests.features import Feature
from loyalty.tests.remote import Remote, serving


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    """Running, with short pauses between tries; a breaker that closes asks no worker."""
    monkeypatch.setattr(dispatch, "request_run", lambda task: True)
    monkeypatch.setattr(sending, "BACKOFF", wait_random_exponential(multiplier=0.01, max=0.05))
    with serving() as server:
        yield server


@pytest.fixture
def feature() -> Iterator[Feature]:
    """What closes deducts in this test."""
    before = list(recovery._resolvers)
    made = Feature()
    recovery.close_deducts_by(made.resolve)
    yield made
    recovery._resolvers[:] = before
