"""Ruby, Alice, and an item that Alice bought in Ruby's queue."""

import pytest

from accounts.models import User
from perfqueue.models import QueueItem
from tests.world import buy, performer, person


@pytest.fixture
def ruby() -> User:
    return performer("ruby")


@pytest.fixture
def alice() -> User:
    return person("alice", tokens=1_000)


@pytest.fixture
def item(ruby: User, alice: User) -> QueueItem:
    return buy(alice, ruby, 100)
