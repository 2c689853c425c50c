"""Members of staff, a buyer and a performer."""

import pytest

from accounts.models import User
from escrow import services
from escrow.services import Close
from escrow.tests.factories import finished
from tests import world


@pytest.fixture
def finance() -> User:
    return world.staff("finance")


@pytest.fixture
def second() -> User:
    return world.staff("admin")


@pytest.fixture
def alice() -> User:
    return world.person("alice")


@pytest.fixture
def ruby() -> User:
    """A performer who has earned 9,000 tokens."""
    fan, ruby = world.person(tokens=9_000), world.performer("ruby")
    hold_id = finished(fan, ruby, 9_000, 9_000)
    services.close_many([Close(str(hold_id), hold_id, 9_000, 0)])
    return ruby
