"""The two transactions of a spin that RedRoomRewards pays: what each reads, refuses, stores and closes."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Role
from compliance.errors import AgeVerificationRequired, RoleNotAllowed, SpendLimitReached
from compliance.models import Refusal
from core.batches import Begun, Later, run_recorded
from core.db import rows
from core.errors import IdempotencyKeyReused, RequestInProgress
from core.idempotency import Answer
from core.ids import new_id
from escrow.errors import InsufficientBalance, WalletFrozen
from escrow.tests.factories import freeze
from loyalty.errors import LoyaltyUnavailable, NotLinked
from loyalty.models import RemoteOperation
from slots import services
from slots.errors import CommitmentStale, InvalidBet
from slots.models import IntentState, SlotState, Spin, SpinIntent
from slots.services.reality import play_of
from slots.services.settling import Deducted, NotDeducted, Unanswered
from slots.tests.factories import asked, losing, play, player, points_of, state_of, winning
from slots.tests.remote import INTENTS, SETTLEMENTS, attempt, begin, begun, linked, settle, settlement
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)


def operations(user: Any) -> dict[str, str]:
    found = RemoteOperation.objects.filter(user=user).order_by("id")
    return {row.kind: row.state for row in found}


def answered(outcome: Any) -> dict[str, Any]:
    assert isinstance(outcome, Answer), outcome
    body: dict[str, Any] = json.loads(outcome.body)
    return body


# --- what becomes of a spin ----------------------------------------------------------------------------------------


def test_a_win_is_a_spin_like_any_other_whose_points_are_elsewhere() -> None:
    user = linked()
    request = asked(user, client_nonce=winning(user))

    (first,) = begin(request)
    assert (SpinIntent.objects.get().state, operations(user)) == ("open", {"deduct": "open"})
    assert (Spin.objects.count(), state_of(user).nonce) == (0, 0)
    (outcome,) = settle(settlement(request, first, Deducted(900)))

    body, spin = answered(outcome), Spin.objects.get()
    assert body["spinId"] == str(spin.id) == str(SpinIntent.objects.get().id)
    assert (body["previousBalance"], body["newBalance"]) == (1_000, 900 + spin.payout)
    assert body["pendingCredit"] is True
    assert (SpinIntent.objects.get().state, operations(user)) == ("done", {"deduct": "confirmed", "credit": "open"})
    assert (points_of(user), state_of(user).nonce) == (0, 1)
    assert services.verify() == []


def test_a_loss_queues_no_credit() -> None:
    user = linked()
    request = asked(user, client_nonce=losing(user))

    (outcome,) = settle(settlement(request, begin(request)[0], Deducted(0)))

    body = answered(outcome)
    assert (body["previousBalance"], body["newBalance"], body["pendingCredit"]) == (100, 0, False)
    assert operations(user) == {"deduct": "confirmed"}


def test_the_credit_is_what_the_contract_says() -> None:
    user = linked()
    request = asked(user, client_nonce=winning(user))
    settle(settlement(request, begin(request)[0], Deducted(900)))

    spin, credit = Spin.objects.get(), RemoteOperation.objects.get(kind="credit")
    assert credit.body == {
        "userId": str(user.pk),
        "amount": spin.payout,
        "reason": "slot_machine_win",
        "transactionId": f"spin-{spin.id}-credit",
        "metadata": {
            "spinId": str(spin.id),
            "symbols": spin.symbols,
            "multiplier": f"{spin.payout / spin.bet:g}",
        },
    }


def test_many_players_spin_in_two_batches() -> None:
    users = [linked() for _ in range(20)]
    requests = [asked(user) for user in users]

    firsts = begin(*requests)
    outcomes = settle(
        *(settlement(r, f, Deducted(100 * n)) for n, (r, f) in enumerate(zip(requests, firsts, strict=True)))
    )

    spins = {spin.user_id: spin for spin in Spin.objects.all()}
    for number, (user, outcome) in enumerate(zip(users, outcomes, strict=True)):
        assert answered(outcome)["newBalance"] == 100 * number + spins[user.pk].payout
    assert services.verify() == []


def test_its_parts_have_the_outcome_of_a_batch_alone() -> None:
    user = player()
    linked(user)
    SlotState.objects.filter(user_id=user.pk).delete()
    request = asked(user)
    assert isinstance(begin(request)[0], Later)

    first = run_recorded(INTENTS, attempt(request))
    outcome = run_recorded(SETTLEMENTS, settlement(request, first, Deducted(900)))

    assert answered(outcome)["previousBalance"] == 1_000
    again = run_recorded(SETTLEMENTS, settlement(request, first, Deducted(900)))
    assert isinstance(outcome, Answer)
    assert again == Answer(outcome.status, outcome.body, replayed=True)


# --- what is refused -----------------------------------------------------------------------------------------------


def test_every_gate_refuses_before_anything_is_written() -> None:
    frozen = linked()
    freeze(frozen)
    performer, young = linked(), linked()
    performer.role, young.verified_at = Role.PERFORMER, None
    performer.save()
    young.save()
    unlinked = player()
    services.fairness(user=unlinked)
    requests = [
        asked(performer),
        asked(young),
        asked(linked(), bet=7),
        asked(linked(), commitment=bytes(32)),
        asked(unlinked),
        asked(frozen),
    ]

    outcomes = begin(*requests)

    assert [type(each) for each in outcomes] == [
        RoleNotAllowed,
        AgeVerificationRequired,
        InvalidBet,
        CommitmentStale,
        NotLinked,
        WalletFrozen,
    ]
    assert (SpinIntent.objects.count(), RemoteOperation.objects.count()) == (0, 0)
    gates = Refusal.objects.order_by("id").values_list("gate", flat=True)
    assert list(gates) == ["role", "age", "bet", "commitment", "linked", "balance"]


def test_who_is_not_linked_hears_of_the_other_gates_first() -> None:
    unlinked = player()
    services.fairness(user=unlinked)

    assert [type(each) for each in begin(asked(unlinked, bet=7), is_reachable=False)] == [InvalidBet]
    assert [type(each) for each in begin(asked(unlinked), is_reachable=False)] == [NotLinked]


def test_while_redroomrewards_cannot_be_asked_nothing_begins() -> None:
    user = linked()

    (refused,) = begin(asked(user), is_reachable=False)

    assert isinstance(refused, LoyaltyUnavailable)
    assert SpinIntent.objects.count() == 0


def test_too_few_points_close_the_intent_and_are_recorded() -> None:
    user = linked()
    request = asked(user)
    refusal = InsufficientBalance(needed=100, available=40, currency="POINT")

    (outcome,) = settle(settlement(request, begin(request)[0], NotDeducted(refusal, "INSUFFICIENT_BALANCE")))

    assert outcome is refusal
    assert SpinIntent.objects.get().state == "refused"
    deduct = RemoteOperation.objects.get()
    assert (deduct.state, deduct.error, deduct.new_balance) == ("refused", "INSUFFICIENT_BALANCE", None)
    assert Refusal.objects.get().gate == "balance"
    assert isinstance(begin(request)[0], Begun), "its key may be used again"


def test_an_unknown_outcome_leaves_everything_open_for_the_same_key() -> None:
    user = linked()
    request = asked(user)
    (first,) = begin(request)

    (outcome,) = settle(settlement(request, first, Unanswered("TimeoutError")))

    assert isinstance(outcome, LoyaltyUnavailable)
    assert (SpinIntent.objects.get().state, operations(user)) == ("open", {"deduct": "unknown"})
    (again,) = begin(request)
    assert (again.value.spin_id, again.value.resumed) == (first.value.spin_id, True)
    answered(settle(settlement(request, again, Deducted(0)))[0])
    assert operations(user)["deduct"] == "confirmed"


def test_a_spin_whose_commitment_has_passed_is_given_back() -> None:
    user = linked(points=1_000)
    request = asked(user)
    (first,) = begin(request)
    play(user=user)  # by an installation whose points are local: nobody else moves the commitment

    (outcome,) = settle(settlement(request, first, Deducted(0)))

    assert isinstance(outcome, CommitmentStale)
    assert SpinIntent.objects.get().state == "compensated"
    assert operations(user) == {"deduct": "compensated", "refund": "open"}
    assert Spin.objects.count() == 1


def test_a_wallet_that_was_frozen_meanwhile_is_given_its_bet_back() -> None:
    user = linked()
    request = asked(user)
    (first,) = begin(request)
    freeze(user)

    (outcome,) = settle(settlement(request, first, Deducted(0)))

    assert isinstance(outcome, WalletFrozen)
    assert operations(user) == {"deduct": "compensated", "refund": "open"}


def test_what_reconciliation_has_closed_is_given_back_once() -> None:
    user = linked()
    request = asked(user)
    (first,) = begin(request)
    (refused,) = settle(settlement(request, first, NotDeducted(LoyaltyUnavailable(), "SYSTEM_ERROR")))

    outcomes = [settle(settlement(request, first, Deducted(0)))[0] for _ in range(2)]

    assert {type(each) for each in (refused, *outcomes)} == {LoyaltyUnavailable}
    assert operations(user) == {"deduct": "refused", "refund": "open"}
    assert (Spin.objects.count(), state_of(user).nonce) == (0, 0)


def test_one_players_outcome_is_nobody_elses() -> None:
    users = [linked() for _ in range(5)]
    requests = [asked(user) for user in users]
    firsts = begin(*requests)
    freeze(users[3])
    became: list[Any] = [
        Deducted(0),
        NotDeducted(InsufficientBalance(needed=100, available=0, currency="POINT"), "INSUFFICIENT_BALANCE"),
        Unanswered("TimeoutError"),
        Deducted(0),
        Deducted(0),
    ]

    outcomes = settle(*map(settlement, requests, firsts, became))

    assert [type(each) for each in outcomes] == [Answer, InsufficientBalance, LoyaltyUnavailable, WalletFrozen, Answer]
    states = dict(SpinIntent.objects.values_list("user_id", "state"))
    assert [states[user.pk] for user in users] == ["done", "refused", "open", "compensated", "done"]


# --- keys ----------------------------------------------------------------------------------------------------------


def test_another_key_waits_for_the_open_intent() -> None:
    user = linked()
    begin(asked(user))

    assert [type(each) for each in begin(asked(user))] == [RequestInProgress]
    assert SpinIntent.objects.count() == 1


def test_the_key_of_an_open_intent_is_no_other_requests() -> None:
    user = linked()
    first = asked(user, client_seed="a")
    begin(first)

    assert [type(each) for each in begin(asked(user, key=first.key, client_seed="b"))] == [IdempotencyKeyReused]


def test_twins_deduct_with_one_key_and_spin_once() -> None:
    user = linked()
    request = asked(user)
    first, second = begin(request)[0], begin(request)[0]
    assert first.value.deduct.change == second.value.deduct.change

    (done,) = settle(settlement(request, first, Deducted(0)))
    (again,) = settle(settlement(request, second, Deducted(0)))

    assert again == Answer(done.status, done.body, replayed=True)
    assert begin(request) == [again]
    assert Spin.objects.count() == 1


def test_a_finished_key_is_repeated_whoever_is_reachable() -> None:
    user = linked()
    request = asked(user)
    (done,) = settle(settlement(request, begin(request)[0], Deducted(0)))

    assert begin(request, is_reachable=False) == [Answer(done.status, done.body, replayed=True)]


def test_an_old_intent_is_left_to_reconciliation(clock: Clock) -> None:
    user = linked()
    request = asked(user)
    begin(request)
    clock.shift(minutes=31)

    assert [type(each) for each in begin(request)] == [LoyaltyUnavailable]


def test_what_is_resumed_has_passed_the_gates() -> None:
    user = linked()
    request = asked(user)
    first = begun(request)
    user.verified_at = None
    user.save()

    assert begun(request).spin_id == first.spin_id
    assert [type(each) for each in begin(asked(linked(), bet=7))] == [InvalidBet]


# --- limits --------------------------------------------------------------------------------------------------------


def test_an_open_intent_counts(settings: Any) -> None:
    settings.SLOTS_SPINS_PER_HOUR = 10
    user = linked()
    begin(asked(user))

    use = services.hourly_use(user=user)
    assert (use.used, use.remaining) == (1, 9)
    assert use.resets_at == SpinIntent.objects.get().at + timedelta(hours=1)
    assert play_of(user.pk).staked == (100, 100, 100)


def test_a_closed_one_counts_no_longer_or_as_its_spin(settings: Any) -> None:
    settings.SLOTS_SPINS_PER_HOUR = 10
    done, refused = linked(), linked()
    first, second = asked(done), asked(refused)
    begun = begin(first, second)
    settle(
        settlement(first, begun[0], Deducted(0)),
        settlement(second, begun[1], NotDeducted(LoyaltyUnavailable(), "SYSTEM_ERROR")),
    )

    assert [services.hourly_use(user=user).used for user in (done, refused)] == [1, 0]


def test_the_answer_counts_as_a_local_spin_does(settings: Any) -> None:
    settings.SLOTS_SPINS_PER_HOUR = 10
    settings.LIMIT_CAPS_POINT = (1_000, 0, 0)
    user = linked()
    for left in (9, 8):
        request = asked(user)
        body = answered(settle(settlement(request, begin(request)[0], Deducted(0)))[0])
        assert body["session"]["spinsLeft"] == left
        assert body["session"]["limitsLeft"] == {"24h": 100 * left, "7d": None, "30d": None}


def test_a_spending_limit_holds(settings: Any) -> None:
    settings.LIMIT_CAPS_POINT = (100, 0, 0)
    user = linked()
    request = asked(user)
    settle(settlement(request, begin(request)[0], Deducted(0)))

    assert [type(each) for each in begin(asked(user))] == [SpendLimitReached]


# --- rows ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "bet = 200",
        "key = 'another-key'",
        "nonce = 7",
        "client_seed = 'x'",
        "at = core_now()",
        "state = 'open'",
    ],
)
def test_an_intent_is_only_closed(change: str) -> None:
    begin(asked(linked()))

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE slots_spinintent SET {change}")  # noqa: S608


@pytest.mark.parametrize("state", [IntentState.REFUSED, IntentState.COMPENSATED, IntentState.DONE])
def test_a_closed_intent_stays_closed(state: str) -> None:
    begin(asked(linked()))
    close = "UPDATE slots_spinintent SET state = %s, closed_at = core_now()"
    rows(f"{close} RETURNING 1 AS one", [state])

    for later in IntentState:
        with pytest.raises(IntegrityError), transaction.atomic():
            rows(f"{close} RETURNING 1 AS one", [later])


def test_intents_are_kept() -> None:
    begin(asked(linked()))

    with pytest.raises(IntegrityError), transaction.atomic():
        rows("DELETE FROM slots_spinintent RETURNING 1 AS one")


def test_a_user_has_one_open_intent() -> None:
    user = linked()
    begin(asked(user))
    copy = SpinIntent.objects.get()
    copy.pk, copy.key = new_id(), "another-key"

    with pytest.raises(IntegrityError, match="slots_intent_one_open_of_user"), transaction.atomic():
        copy.save(force_insert=True)
