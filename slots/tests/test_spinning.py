"""A spin through the service: what it takes, pays, reveals and stores."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Role, User
from core.errors import NotFound
from core.ids import new_id
from escrow import services as escrow
from escrow.errors import InsufficientBalance
from escrow.models import Hold
from slots import gates, services
from slots.draw import commitment, draw
from slots.errors import CommitmentStale, HourlyLimitReached, InvalidBet, PaytableChanged, SpinTooFast
from slots.models import Game, SlotState, Spin
from slots.services.paytables import active_paytable, table_of
from slots.services.reading import History
from slots.tests.factories import losing, nonce_for, play, player, points_of, state_of, winning
from tests.clock import Clock
from tests.world import performer, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> User:
    return player(points=1_000)


def test_a_losing_spin_takes_the_bet_and_nothing_else(user: User) -> None:
    spun = play(user=user, bet=100, client_nonce=losing(user))

    assert (spun.spin.balance_before, spun.spin.balance_after, points_of(user)) == (1_000, 900, 900)
    assert (spun.spin.payout, spun.session.net_points) == (0, -100)


def test_a_winning_spin_pays_the_award(user: User) -> None:
    spun = play(user=user, bet=100, client_nonce=nonce_for(user, lambda payout: payout == 150))

    assert (spun.spin.balance_before, spun.spin.balance_after, points_of(user)) == (1_000, 1_050, 1_050)
    assert spun.session.net_points == 50


def test_the_seed_revealed_is_the_one_committed_to_and_the_next_is_committed_already(user: User) -> None:
    offered = services.fairness(user=user)

    first = play(user=user, bet=100, commitment=offered.commitment).spin
    second = play(user=user, bet=100, commitment=bytes(first.next_commitment)).spin

    assert commitment(bytes(first.seed)) == offered.commitment
    assert commitment(bytes(second.seed)) == bytes(first.next_commitment)
    assert services.fairness(user=user).commitment == bytes(second.next_commitment)


def test_no_seed_is_used_twice(user: User) -> None:
    spins = [play(user=user, bet=100).spin for _ in range(5)] + [play(user=player(), bet=100).spin]

    assert len({bytes(spin.seed) for spin in spins}) == 6
    assert len({bytes(spin.next_commitment) for spin in spins}) == 6


def test_anyone_can_draw_a_spin_again_from_what_it_reveals(user: User) -> None:
    spun = play(user=user, bet=100, client_seed="mine", client_nonce=b"n" * 16).spin
    kept = services.spin_of(user=user, spin_id=spun.id)

    drawn = draw(
        table_of(active_paytable().canonical),
        seed=bytes(kept.seed),
        nonce=kept.nonce,
        client_seed=kept.client_seed,
        client_nonce=bytes(kept.client_nonce),
    )

    assert (drawn.ticket, list(drawn.symbols), drawn.payout) == (kept.ticket, kept.symbols, kept.payout)
    assert (kept.client_seed, bytes(kept.client_nonce), kept.client_nonce_drawn) == ("mine", b"n" * 16, False)


def test_nonces_count_up_from_zero(user: User) -> None:
    assert [play(user=user, bet=100).spin.nonce for _ in range(4)] == [0, 1, 2, 3]
    assert state_of(user).nonce == 4


def test_the_server_draws_a_client_nonce_and_marks_it_when_none_is_given(user: User) -> None:
    spins = [play(user=user, bet=100).spin for _ in range(2)]

    assert [spin.client_nonce_drawn for spin in spins] == [True, True]
    assert spins[0].client_nonce != spins[1].client_nonce


def test_a_client_seed_is_kept_for_the_spins_after_it(user: User) -> None:
    seeds = [play(user=user, bet=100, client_seed=given).spin.client_seed for given in (None, "mine", None, "")]

    assert seeds == ["", "mine", "mine", ""]
    assert services.fairness(user=user).client_seed == ""


def test_running_totals_grow_with_each_spin(user: User) -> None:
    spins = [play(user=user, bet=100).spin for _ in range(5)]
    state = state_of(user)

    assert [spin.staked_total for spin in spins] == [100, 200, 300, 400, 500]
    assert state.staked_total == 500
    assert state.paid_total == spins[-1].paid_total == sum(spin.payout for spin in spins)
    assert state.paytable_id == active_paytable().id


def test_the_hold_pays_the_bank_never_the_performer_whose_room_it_was(user: User) -> None:
    room = performer()

    spun = play(user=user, bet=100, client_nonce=winning(user), performer_id=room.id).spin

    hold = Hold.objects.get(id=spun.hold_id)
    assert (hold.status, hold.captured, hold.payee_house) == ("SETTLED", 100, "slots_bank")
    assert escrow.balance(room.id, escrow.Currency.POINT) == 0


def test_an_unknown_performer_is_not_found(user: User) -> None:
    for nobody in (new_id(), player(points=0).id):
        with pytest.raises(NotFound):
            play(user=user, bet=100, performer_id=nobody)


def test_a_refused_spin_changes_nothing(user: User) -> None:
    play(user=user, bet=100)
    before = SlotState.objects.filter(user_id=user.id).values().get()
    points = points_of(user)

    with pytest.raises(PaytableChanged):
        play(user=user, bet=100, paytable_digest=bytes(32))
    with pytest.raises(CommitmentStale):
        play(user=user, bet=100, commitment=bytes(32))
    with pytest.raises(InvalidBet):
        play(user=user, bet=1_000)

    assert SlotState.objects.filter(user_id=user.id).values().get() == before
    assert (points_of(user), Spin.objects.filter(user_id=user.id).count()) == (points, 1)


def test_a_spin_without_the_points_is_refused_and_leaves_seed_and_nonce_as_they_were() -> None:
    poor = player(points=99)
    offered = services.fairness(user=poor)

    with pytest.raises(InsufficientBalance) as refused:
        play(user=poor, bet=100)

    assert refused.value.details == {"needed": 100, "available": 99, "currency": "POINT"}
    assert services.fairness(user=poor) == offered
    assert points_of(poor) == 99


def test_a_refused_first_spin_leaves_no_slot_state() -> None:
    poor = player(points=0)

    with pytest.raises(InsufficientBalance):
        play(user=poor, bet=100)

    assert not SlotState.objects.filter(user_id=poor.id).exists()


def test_the_refusal_of_a_stale_commitment_names_the_current_one(user: User) -> None:
    offered = services.fairness(user=user)
    play(user=user, bet=100, commitment=offered.commitment)

    with pytest.raises(CommitmentStale) as refused:
        play(user=user, bet=100, commitment=offered.commitment)

    assert refused.value.details == {"commitment": services.fairness(user=user).commitment.hex(), "nonce": 1}


def test_a_paytable_named_by_its_digest_is_played(user: User) -> None:
    assert play(user=user, bet=100, paytable_digest=services.config().digest).spin.nonce == 0


def test_a_closed_game_takes_no_spin(user: User) -> None:
    Game.objects.update(enabled=False)

    with pytest.raises(Exception, match="switched off"):
        play(user=user, bet=100)

    assert not services.config().enabled


def test_the_setting_closes_the_game_too(user: User, settings: Any) -> None:
    settings.SLOTS_ENABLED = False

    with pytest.raises(Exception, match="switched off"):
        play(user=user, bet=100)


def test_spins_keep_their_distance(user: User, settings: Any, clock: Clock) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 2_500
    play(user=user, bet=100)

    with pytest.raises(SpinTooFast) as refused:
        play(user=user, bet=100)

    assert 0 < (refused.value.retry_after_s or 0) <= 2.5
    clock.shift(seconds=2.5)
    assert play(user=user, bet=100).spin.nonce == 1


def test_the_hour_rolls(user: User, settings: Any, clock: Clock) -> None:
    settings.SLOTS_SPINS_PER_HOUR = 3
    for minutes in (0, 10, 10):
        clock.shift(minutes=minutes)
        play(user=user, bet=100)
    clock.shift(minutes=30)
    use = services.hourly_use(user=user)
    assert (use.limit, use.used, use.remaining) == (3, 3, 0)

    with pytest.raises(HourlyLimitReached) as refused:
        play(user=user, bet=100)

    assert refused.value.retry_after_s == pytest.approx(600, abs=5)
    assert refused.value.details["resetsAt"] == use.resets_at
    clock.shift(minutes=10)
    spun = play(user=user, bet=100)
    assert spun.spins_left == 0
    clock.shift(minutes=15)
    assert services.hourly_use(user=user).used == 2
    assert play(user=user, bet=100).spins_left == 0


@pytest.mark.parametrize("spins", [0, 1, 2, 5, 8])
def test_the_hours_use_is_what_counting_gives(
    user: User, settings: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch, spins: int
) -> None:
    monkeypatch.setattr(gates, "REALITY_EVERY", timedelta(days=1))  # nobody answers a check here
    services.fairness(user=user)
    settings.SLOTS_SPINS_PER_HOUR = 0
    for _ in range(spins):
        clock.shift(minutes=10)
        play(user=user, bet=100)
    settings.SLOTS_SPINS_PER_HOUR = 7

    for _ in range(20):
        clock.shift(minutes=7)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*), min(at) FROM slots_spin WHERE user_id = %s AND at > core_now() - interval '1 hour'",
                [user.id],
            )
            counted, oldest = cursor.fetchone()
        use = services.hourly_use(user=user)
        assert use.used == min(counted, 7)
        assert counted > 7 or use.resets_at == (oldest and oldest + timedelta(hours=1))


def test_an_hourly_limit_that_is_off_is_null(user: User) -> None:
    play(user=user, bet=100)

    use = services.hourly_use(user=user)

    assert (use.limit, use.used, use.remaining) == (None, 1, None)
    assert use.resets_at is not None


def test_nobody_has_spun_yet(user: User) -> None:
    assert services.hourly_use(user=user).resets_at is None
    assert services.history(user=user, limit=20, offset=0) == History(spins=[], total=0, limit=20, offset=0)


def test_a_session_adds_up_until_thirty_idle_minutes(user: User, clock: Clock) -> None:
    first = play(user=user, bet=100)
    clock.shift(minutes=29)
    second = play(user=user, bet=100)
    assert services.session(user=user) == second.session
    clock.shift(minutes=30)
    assert services.session(user=user) is None
    third = play(user=user, bet=100)

    assert second.session.started_at == first.spin.at
    assert second.session.net_points == first.spin.payout + second.spin.payout - 200
    assert (third.session.started_at, third.session.net_points) == (third.spin.at, third.spin.payout - 100)


def test_only_users_play() -> None:
    for role in (Role.PERFORMER, Role.ADMIN, Role.SERVICE):
        with pytest.raises(Exception, match="role"):
            play(user=person(role=role), bet=100)


def test_seeds_of_spins_to_come_are_sealed_at_rest(user: User) -> None:
    before = services.fairness(user=user)
    sealed = bytes(state_of(user).sealed_seed)

    spun = play(user=user, bet=100).spin

    assert commitment(bytes(spun.seed)) == before.commitment
    assert bytes(spun.seed) not in sealed
    with connection.cursor() as cursor:
        cursor.execute("SELECT s::text FROM slots_slotstate s WHERE user_id = %s", [user.id])
        row = cursor.fetchone()[0]
    assert bytes(spun.seed).hex() not in row
