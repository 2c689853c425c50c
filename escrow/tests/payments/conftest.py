"""A buyer and a token package."""

import pytest

from accounts.models import User
from escrow import services
from escrow.models import TokenPackage
from tests import world


@pytest.fixture
def alice() -> User:
    return world.person("alice")


@pytest.fixture
def package() -> TokenPackage:
    services.make_packages([services.Offer("Pocket", 500, 499)])
    return TokenPackage.objects.get()
