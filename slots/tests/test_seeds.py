"""The key of seeds is changed while people spin: no commitment changes, and the old key may be dropped afterwards."""

from collections.abc import Callable
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from core.idempotency import Answer
from slots import services
from slots.errors import SealBroken
from slots.sealing import key_id_of
from slots.services import seeds
from slots.tests.factories import asked, play, player, state_of, together
from tests.racing import names, race

pytestmark = pytest.mark.django_db(transaction=True)
NEXT = b"n" * 32


@pytest.fixture
def rotating(settings: Any) -> Callable[[], None]:
    """Make `NEXT` the key that seals; the key before it still opens."""

    def rotate() -> None:
        settings.SEED_KEY, settings.SEED_KEYS_OLD = NEXT, [settings.SEED_KEY]

    return rotate


def test_seeds_are_sealed_anew_in_bounded_batches_and_the_old_key_is_dropped(
    rotating: Callable[[], None], settings: Any
) -> None:
    users = [player() for _ in range(5)]
    for user in users:
        play(user=user)
    before = {user: state_of(user) for user in users}
    rotating()
    assert services.states_by_key() == {key_id_of(settings.SEED_KEYS_OLD[0]): 5}

    assert services.rotate_seeds(batch=2) == seeds.Rotation(sealed=5)
    settings.SEED_KEYS_OLD = []

    assert services.states_by_key() == {key_id_of(NEXT): 5}
    assert services.rotate_seeds().sealed == 0
    for user in users:
        after = state_of(user)
        assert after.commitment == before[user].commitment
        assert after.sealed_seed != before[user].sealed_seed
        assert services.commitment(play(user=user).spin.seed) == bytes(after.commitment)
    assert services.verify() == []


def test_a_rotation_takes_a_lock_and_an_update_for_each_batch(
    rotating: Callable[[], None], django_assert_num_queries: Any
) -> None:
    for _ in range(4):
        play(user=player())
    rotating()

    with django_assert_num_queries(4 + 4 + 3):  # BEGIN, lock, update, COMMIT; the last batch finds nothing
        services.rotate_seeds(batch=2)


def test_a_spin_seals_by_the_newest_key_and_opens_the_old_one_on_both_paths(rotating: Callable[[], None]) -> None:
    alone, batched = player(), player()
    newcomer = player()
    for user in (alone, batched):
        services.fairness(user=user)
    rotating()

    play(user=alone)
    assert {type(each) for each in together(asked(batched))} == {Answer}
    play(user=newcomer)
    services.fairness(user=player())

    assert services.states_by_key() == {key_id_of(NEXT): 4}
    assert services.verify() == []


def test_processes_with_the_keys_in_either_order_spin_for_one_player(
    rotating: Callable[[], None], settings: Any
) -> None:
    user, first = player(), settings.SEED_KEY
    settings.SEED_KEYS_OLD = [NEXT]  # told before it seals

    for key, others in ((first, [NEXT]), (NEXT, [first]), (first, [NEXT])):
        settings.SEED_KEY, settings.SEED_KEYS_OLD = key, others
        play(user=user)
        assert state_of(user).seed_key == key_id_of(key)

    assert services.verify() == []


def test_spins_during_a_rotation_come_before_or_after_it(rotating: Callable[[], None]) -> None:
    users = [player() for _ in range(6)]
    for user in users:
        play(user=user)
    rotating()

    outcomes = race(*(partial(play, user=user) for user in users), partial(services.rotate_seeds, batch=2))

    assert names(outcomes) == {"SpinResult": 6, "Rotation": 1}
    assert services.states_by_key() == {key_id_of(NEXT): 6}
    assert services.verify() == []


def test_a_seed_whose_key_is_lost_is_named_and_its_player_cannot_spin(settings: Any) -> None:
    lost, other = player(), player()
    play(user=lost)
    settings.SEED_KEY = NEXT
    play(user=other)
    output = StringIO()

    with pytest.raises(CommandError, match=str(lost.pk)):
        call_command("rotate_seeds", stdout=output)
    with pytest.raises(SealBroken, match="which is in neither"):
        play(user=lost)

    assert "0 seeds sealed anew" in output.getvalue()
    assert [(each.check, each.subject) for each in services.verify()] == [("SEAL", str(lost.pk))]
    play(user=other)


def test_the_command_counts_and_rotates(rotating: Callable[[], None]) -> None:
    play(user=player())
    rotating()
    counted, output = StringIO(), StringIO()

    call_command("rotate_seeds", "--count", stdout=counted)
    call_command("rotate_seeds", stdout=output)

    assert counted.getvalue().endswith(": 1 seeds\n")
    assert output.getvalue() == f"key {key_id_of(NEXT)} (SEED_KEY): 1 seeds\n1 seeds sealed anew\n"


def test_states_of_before_keys_had_ids_are_sealed_anew() -> None:
    user = player()
    play(user=user)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE slots_slotstate SET seed_key = DEFAULT")

    assert services.rotate_seeds().sealed == 1
    assert services.verify() == []
    play(user=user)
