"""The main flow of the machine, the same whoever keeps the points: our ledger, or RedRoomRewards."""

import json
import re
import secrets
from collections import Counter
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import pytest

from accounts.models import Role, User
from compliance.models import Refusal
from core.ids import new_id
from core.models import IdempotencyKey
from escrow.tests.factories import freeze
from slots import services
from slots.draw import commitment
from slots.models import Game, Spin, SpinIntent
from slots.tests.factories import losing, points_of, state_of, winning
from slots.tests.machines import Machine, answer_of
from tests.commands_process import CSRF, FORM, session
from tests.world import new_terms

pytestmark = pytest.mark.django_db(transaction=True)

MEMBERS = (
    "spinId", "nonce", "timestamp", "betAmount", "result", "previousBalance", "newBalance", "fairness", "session",
    "pendingCredit",
)  # fmt: skip


def test_a_win_is_answered_in_one_shape(machine: Machine) -> None:
    user = machine.player()
    offered = services.fairness(user=user)

    answer = answer_of(machine.spin(user, clientNonce=winning(user).hex(), clientSeed=""))

    payout = answer["result"]["payout"]
    assert tuple(answer) == MEMBERS
    assert (answer["previousBalance"], answer["newBalance"]) == (1_000, 900 + payout)
    assert answer["pendingCredit"] is machine.is_remote
    assert answer["fairness"]["commitment"] == offered.commitment.hex()
    assert commitment(bytes.fromhex(answer["fairness"]["seed"])) == offered.commitment
    assert answer["session"] == {
        "netPoints": payout - 100,
        "elapsedSeconds": 0,
        "spinsLeft": None,
        "limitsLeft": {"24h": 9_900, "7d": 39_900, "30d": 119_900},
    }
    assert services.verify() == []


def test_a_loss_takes_the_bet(machine: Machine) -> None:
    user = machine.player()

    answer = answer_of(machine.spin(user, clientNonce=losing(user).hex()))

    assert (answer["previousBalance"], answer["newBalance"], answer["pendingCredit"]) == (1_000, 900, False)
    assert machine.points(user) == 900


def test_spins_follow_each_other(machine: Machine) -> None:
    user = machine.player(points=100_000)
    answers = [answer_of(machine.spin(user)) for _ in range(8)]

    assert [answer["nonce"] for answer in answers] == list(range(8))
    for earlier, later in pairwise(answers):
        assert later["fairness"]["commitment"] == earlier["fairness"]["nextCommitment"]
    assert answers[-1]["session"]["netPoints"] == sum(answer["result"]["payout"] - 100 for answer in answers)
    assert services.verify() == []


def test_a_first_spin_makes_the_slot_state(machine: Machine) -> None:
    user = machine.player(is_new=True)

    assert answer_of(machine.spin(user))["nonce"] == 0
    assert answer_of(machine.spin(user))["nonce"] == 1


def test_too_few_points_are_refused_and_nothing_moves(machine: Machine) -> None:
    user = machine.player(points=99)
    before = state_of(user)
    key = f"spin-{new_id()}"

    refused = machine.spin(user, key=key)

    assert (refused.status, refused.code) == (402, "INSUFFICIENT_BALANCE")
    assert refused.body["error"]["details"] == {"needed": 100, "available": 99, "currency": "POINT"}
    assert (state_of(user).nonce, bytes(state_of(user).commitment)) == (0, bytes(before.commitment))
    assert (machine.points(user), Spin.objects.count()) == (99, 0)
    (recorded,) = Refusal.objects.values_list("gate", "code")
    assert recorded == ("balance", "INSUFFICIENT_BALANCE")
    if not machine.is_remote:
        return
    machine.standin.steering.put_members([{"memberId": f"member-{user.pk}", "proof": "1", "balance": 100}])  # type: ignore[union-attr]
    assert answer_of(machine.spin(user, key=key))["previousBalance"] == 100, "its key may be used again"


GATES: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "role": ({"role": Role.PERFORMER}, {}, "ROLE_NOT_ALLOWED", "role"),
    "age": ({"verified_at": None}, {}, "AGE_VERIFICATION_REQUIRED", "age"),
    "terms": ({"terms_version": 0}, {}, "TERMS_NOT_ACCEPTED", "terms"),
    "room": ({}, {"performerId": str(new_id())}, "NOT_FOUND", ""),
    "paytable": ({}, {"paytableDigest": "0" * 64}, "PAYTABLE_CHANGED", "paytable"),
    "commitment": ({}, {"commitment": "0" * 64}, "COMMITMENT_STALE", "commitment"),
    "bet": ({}, {"betAmount": 7}, "INVALID_BET", "bet"),
}


@pytest.mark.parametrize("case", GATES)
def test_gates_refuse_alike(machine: Machine, case: str) -> None:
    changes, body, code, gate = GATES[case]
    user = machine.player()
    User.objects.filter(pk=user.pk).update(**changes)
    user.refresh_from_db()

    refused = machine.spin(user, **body)

    assert refused.code == code
    assert list(Refusal.objects.values_list("gate", flat=True)) == ([gate] if gate else [])
    assert (machine.points(user), Spin.objects.count(), SpinIntent.objects.count()) == (1_000, 0, 0)


def test_a_frozen_wallet_and_a_closed_game_refuse_alike(machine: Machine) -> None:
    user, frozen = machine.player(), machine.player()
    freeze(frozen)
    assert machine.spin(frozen).code == "WALLET_FROZEN"
    Game.objects.update(enabled=False)

    assert machine.spin(user).code == "GAME_DISABLED"
    assert machine.points(user) == machine.points(frozen) + points_of(user) - points_of(frozen)


def test_limits_refuse_alike(machine: Machine, settings: Any) -> None:
    settings.SLOTS_SPINS_PER_HOUR = 2
    user = machine.player()
    left = [answer_of(machine.spin(user))["session"]["spinsLeft"] for _ in range(2)]
    refused = machine.spin(user)
    settings.SLOTS_SPINS_PER_HOUR, settings.SLOTS_MIN_INTERVAL_MS = 0, 60_000
    fast = machine.spin(user)
    settings.SLOTS_MIN_INTERVAL_MS, settings.LIMIT_CAPS_POINT = 0, (200, 0, 0)
    spent = machine.spin(user)

    assert left == [1, 0]
    assert [each.code for each in (refused, fast, spent)] == [
        "RATE_LIMIT_EXCEEDED", "SPIN_TOO_FAST", "SPEND_LIMIT_REACHED",
    ]  # fmt: skip
    assert refused.body["error"]["details"]["used"] == 2
    assert spent.body["error"]["details"]["used"] == 200


# --- keys ----------------------------------------------------------------------------------------------------------


def test_a_key_is_answered_once_and_repeated(machine: Machine) -> None:
    user, key = machine.player(), f"spin-{new_id()}"
    first = machine.spin(user, key=key)
    new_terms()

    again, other = machine.spin(user, key=key), machine.spin(user, key=key, clientSeed="another")

    assert (again.content, first.replayed, again.replayed) == (first.content, False, True)
    assert other.code == "IDEMPOTENCY_KEY_REUSED"
    assert Spin.objects.count() == 1


def test_twins_at_once_get_one_answer(machine: Machine) -> None:
    user, key = machine.player(), f"spin-{new_id()}"

    replies = [each.result(30) for each in [machine.begin(user, key=key) for _ in range(12)]]

    assert {each.status for each in replies} == {200}
    assert len({each.content for each in replies}) == 1
    assert Counter(each.replayed for each in replies) == {True: 11, False: 1}
    assert (Spin.objects.count(), state_of(user).nonce) == (1, 1)


def test_many_keys_of_a_player_spin_once(machine: Machine, settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 60_000
    user = machine.player()

    replies = [each.result(30) for each in [machine.begin(user) for _ in range(8)]]

    codes = Counter(each.code for each in replies)
    assert codes[""] == 1
    assert codes["SPIN_TOO_FAST"] + codes["REQUEST_IN_PROGRESS"] == 7
    assert Spin.objects.count() == 1


def test_many_players_spin_at_once(machine: Machine) -> None:
    users = [machine.player(points=100 * number) for number in range(1, 31)]

    replies = [each.result(30) for each in [machine.begin(user) for user in users]]

    for number, (user, reply) in enumerate(zip(users, replies, strict=True), start=1):
        answer = answer_of(reply)
        assert answer["previousBalance"] == 100 * number
        assert answer["newBalance"] == 100 * number - 100 + answer["result"]["payout"]
        assert Spin.objects.get(user_id=user.pk).balance_after == answer["newBalance"]
    assert services.verify() == []


# --- other ways in -------------------------------------------------------------------------------------------------


def test_a_browser_spins_with_its_session(machine: Machine) -> None:
    user, key = machine.player(), f"spin-{new_id()}"

    first = machine.spin(user, key=key, headers=session(user))
    again = machine.spin(user, key=key, headers=session(user))

    assert answer_of(first)["previousBalance"] == 1_000
    assert (again.content, first.replayed, again.replayed) == (first.content, False, True)
    assert Spin.objects.count() == 1


def test_a_session_without_its_token_does_not(machine: Machine) -> None:
    user = machine.player()
    headers = session(user) | {"X-CSRFToken": "d" * 32}

    assert machine.spin(user, headers=headers).code == "CSRF_FAILED"
    assert machine.points(user) == 1_000


def test_a_session_is_refused_as_a_token_is(machine: Machine) -> None:
    user = machine.player(points=99)
    bodies: list[dict[str, Any]] = [{}, {"betAmount": 7}]
    for body in bodies:
        by_token, by_session = machine.spin(user, **body), machine.spin(user, headers=session(user), **body)
        assert (by_session.status, by_session.body) == (by_token.status, by_token.body)
    assert Refusal.objects.count() == 4


def test_the_form_of_the_page_spins_once(machine: Machine) -> None:
    user = machine.player()
    fields = {"bet": "100", "idempotency_key": f"form-{new_id()}", "csrfmiddlewaretoken": CSRF}
    headers = session(user) | {"Content-Type": FORM, "Accept": "text/html"}

    replies = [machine.process.post("/slots/spin", headers, urlencode(fields).encode()) for _ in range(2)]

    assert [reply.status for reply in replies] == [302, 302]
    assert Spin.objects.count() == 1


def test_the_form_of_the_page_says_what_was_won(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    user = machine.player()
    nonce, drawn = winning(user), secrets.token_bytes
    monkeypatch.setattr(secrets, "token_bytes", lambda size: nonce if size == len(nonce) else drawn(size))
    fields = {"bet": "100", "idempotency_key": f"form-{new_id()}", "csrfmiddlewaretoken": CSRF}
    headers = session(user) | {"Content-Type": FORM, "Accept": "text/html"}

    reply = machine.process.post("/slots/spin", headers, urlencode(fields).encode())

    assert reply.status == 302
    assert Spin.objects.get().payout > 0
    (key,) = IdempotencyKey.objects.filter(caller=user.pk)
    assert re.search(r" pay [\d,]+ points", json.loads(bytes(key.body or b""))["message"])
