"""The pair of servers, which the tests of planted defects share with those of equality."""

from tests.equality.conftest import pair

__all__ = ["pair"]
