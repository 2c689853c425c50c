from collections.abc import Callable, Iterator

import pytest

from tests.concurrency.naive import Twin


@pytest.fixture
def twin(transactional_db: None) -> Iterator[Callable[..., Twin]]:
    """Make naive twins; their table goes with the test."""
    made: list[Twin] = []

    def make(*, attempts: int, **facts: int) -> Twin:
        made.append(Twin(attempts=attempts, **facts))
        return made[-1]

    yield make
    for each in made:
        each.gone()
