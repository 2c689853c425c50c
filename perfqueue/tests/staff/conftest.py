"""People of these tests: one of staff, a rich buyer, a performer with a long queue."""

import pytest

from accounts.models import User
from tests.world import performer, person, staff


@pytest.fixture
def support() -> User:
    return staff()


@pytest.fixture
def alice() -> User:
    return person("alice", tokens=10_000)


@pytest.fixture
def ruby() -> User:
    return performer(user_cap=50, depth=200)
