"""The record of the clock's moves."""

import pytest
from django.db import IntegrityError, connection, transaction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "change", ["UPDATE core_clock_move SET actor = ''", "DELETE FROM core_clock_move", "TRUNCATE core_clock_move"]
)
def test_a_move_is_never_changed(change: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
