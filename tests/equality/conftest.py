"""The pair of servers, for the tests of a module: they read a database that each test fills anew."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.equality.servers import Pair, running


@pytest.fixture(scope="module")
def pair(django_db_setup: None, django_db_blocker: Any) -> Iterator[Pair]:
    with django_db_blocker.unblock(), running(SLOTS_MIN_INTERVAL_MS="0") as found:
        yield found
