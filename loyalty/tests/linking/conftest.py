"""Points live in the stand-in of this test process."""

from collections.abc import Iterator
from typing import Any

import pytest

from loyalty.tests.linking.linked import living_there
from tests.standin import StandIn


@pytest.fixture
def standin(settings: Any) -> Iterator[StandIn]:
    with living_there(settings) as running:
        yield running
