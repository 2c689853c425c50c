"""Spins that RedRoomRewards pays, when it is slow, silent, wrong or away."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from django.db import connection
from django.test import Client

from core.db import rows
from core.handover import HandedOver
from core.ids import new_id
from loyalty.client import Deduct, LoyaltyClient, breaker, run
from loyalty.errors import KEY_MISMATCH
from loyalty.models import Link, RemoteOperation
from loyalty.services import rounds
from slots.models import Spin, SpinIntent
from slots.services import NotDeducted, OpenIntent, Unanswered, resolve_intent
from slots.tests.factories import SPIN, state_of, winning
from slots.tests.machines import Machine, answer_of, balances
from tests.commands_process import bearer, session
from tests.hostile.asking import nothing_written, song_of
from tests.stack.processes import until
from tests.standin_inside import StandInInside as StandIn
from tests.world import client_of, performer, person
from tests.world import key as keyed
from xxxchat.commands.saga import deducted

pytestmark = pytest.mark.django_db(transaction=True)

DEDUCT = "/loyalty/deduct"


def states() -> tuple[list[str], dict[str, str]]:
    """The states of all intents, and those of all operations by kind."""
    operations = RemoteOperation.objects.order_by("id").values_list("kind", "state")
    return list(SpinIntent.objects.order_by("id").values_list("state", flat=True)), dict(operations)


def calls(standin: StandIn) -> int:
    return sum(standin.steering.stats()["calls"].values())


# --- outcomes ------------------------------------------------------------------------------------------------------


def test_an_answer_that_was_lost_is_asked_for_again(remote: Machine, standin: StandIn) -> None:
    user = remote.player()
    standin.steering.fault("drop_after", count=1, path=DEDUCT)

    answer = answer_of(remote.spin(user))

    assert (answer["previousBalance"], states()[0]) == (1_000, ["done"])
    assert remote.points(user) == 900


def test_an_unknown_outcome_is_said_and_its_key_resumes_it(remote: Machine, standin: StandIn) -> None:
    user, key = remote.player(), f"spin-{new_id()}"
    standin.steering.fault("drop_after", path=DEDUCT)

    unknown = remote.spin(user, key=key)
    other = remote.spin(user)
    breaker.reset()
    standin.steering.clear()

    assert (unknown.status, unknown.code) == (503, "LOYALTY_UNAVAILABLE")
    assert int(unknown.headers["retry-after"]) >= 1
    assert (other.status, other.code) == (409, "REQUEST_IN_PROGRESS")
    assert states() == (["open"], {"deduct": "unknown"})
    assert (remote.points(user), state_of(user).nonce) == (900, 0), "it was taken, once"

    answer = answer_of(remote.spin(user, key=key))

    assert answer["spinId"] == str(SpinIntent.objects.get().id)
    assert (answer["previousBalance"], states()[0]) == (1_000, ["done"])
    assert remote.points(user) == 900


def test_who_cannot_be_asked_again_may_have_paid(remote: Machine, standin: StandIn) -> None:
    user, key = remote.player(), f"spin-{new_id()}"
    standin.steering.fault("drop_after", path=DEDUCT)
    remote.spin(user, key=key)
    breaker.reset()
    standin.steering.clear()
    standin.steering.fault("error_503", path=DEDUCT)

    again = remote.spin(user, key=key)
    breaker.reset()
    standin.steering.clear()

    assert (again.code, states()) == ("LOYALTY_UNAVAILABLE", (["open"], {"deduct": "unknown"}))
    assert answer_of(remote.spin(user, key=key))["previousBalance"] == 1_000
    assert remote.points(user) == 900


def test_what_surely_did_not_happen_is_refused_and_the_next_spin_is_free(remote: Machine, standin: StandIn) -> None:
    user, key = remote.player(), f"spin-{new_id()}"
    standin.steering.fault("error_503", path=DEDUCT)

    refused = remote.spin(user, key=key)
    standin.steering.clear()
    breaker.reset()

    assert (refused.status, refused.code) == (503, "LOYALTY_UNAVAILABLE")
    assert states() == (["refused"], {"deduct": "refused"})
    assert answer_of(remote.spin(user))["previousBalance"] == 1_000
    assert answer_of(remote.spin(user, key=key))["nonce"] == 1


def test_what_another_request_took_by_the_spins_key_goes_back_and_the_player_spins_on(
    remote: Machine, standin: StandIn
) -> None:
    user, key = remote.player(), f"spin-{new_id()}"
    standin.steering.fault("drop_before", path=DEDUCT)
    remote.spin(user, key=key)
    standin.steering.clear()
    breaker.reset()
    other = Deduct(user_id=user.pk, amount=40, transaction_id=RemoteOperation.objects.get().key)
    run(lambda client: client.deduct(other))

    refused = remote.spin(user, key=key)

    assert (refused.status, refused.code) == (503, "LOYALTY_UNAVAILABLE")
    assert states() == (["open"], {"deduct": "unknown"})
    assert RemoteOperation.objects.get().error == KEY_MISMATCH

    rounds.reconcile()
    rounds.deliver()

    assert states() == (["compensated"], {"deduct": "compensated", "refund": "confirmed"})
    assert remote.points(user) == 1_000
    assert answer_of(remote.spin(user))["previousBalance"] == 1_000


def test_a_refusal_of_a_resumed_spin_says_nothing_of_the_first_request(remote: Machine) -> None:
    """RedRoomRewards refuses a bet of nothing by a code that is not agreed."""
    intent = OpenIntent(spin_id=new_id(), user_id=remote.player().pk, bet=0, request_id="r-1", resumed=False)

    async def asked(client: LoyaltyClient) -> Any:
        return [await deducted(client, replace(intent, resumed=resumed)) for resumed in (False, True)]

    first, resumed = run(asked)

    assert isinstance(first, NotDeducted)
    assert resumed == Unanswered(first.error)


def test_too_many_calls_are_waited_for_as_asked(remote: Machine, standin: StandIn) -> None:
    user = remote.player()
    standin.steering.fault("rate_limited", count=1, path=DEDUCT, retryAfter=1)
    began = time.monotonic()

    assert remote.spin(user).status == 200
    assert time.monotonic() - began >= 1


def test_who_is_not_linked_is_told_before_anything_is_asked(remote: Machine, standin: StandIn) -> None:
    user = remote.player()
    Link.objects.filter(user=user).update(unlinked_at="2026-01-01T00:00:00Z", reason="asked for")
    before = calls(standin)

    refused = remote.spin(user)

    assert (refused.status, refused.code) == (403, "NOT_LINKED")
    assert (calls(standin), states()) == (before, ([], {}))


def test_whom_redroomrewards_does_not_know_is_not_linked_either(remote: Machine, standin: StandIn) -> None:
    user = remote.player()
    member = {"memberId": f"member-{user.pk}", "proof": "1", "clientUserId": str(new_id())}
    standin.steering.put_members([member])

    refused = remote.spin(user)

    assert (refused.status, refused.code) == (403, "NOT_LINKED")
    assert states() == (["refused"], {"deduct": "refused"})


# --- the circuit breaker -------------------------------------------------------------------------------------------


def open_breaker() -> None:
    while breaker.state != "open":
        breaker.report(failed=True, is_trial=False)


def test_while_the_breaker_is_open_nobody_is_asked(remote: Machine, standin: StandIn) -> None:
    user, key = remote.player(), f"spin-{new_id()}"
    done = remote.spin(user, key=key)
    open_breaker()
    before = standin.steering.stats()

    token = bearer(user)
    began = time.monotonic()
    with nothing_written():
        refused = [remote.spin(user, headers=token) for _ in range(5)]
    took = time.monotonic() - began

    after = standin.steering.stats()
    assert {(each.status, each.code) for each in refused} == {(503, "LOYALTY_UNAVAILABLE")}
    assert {each.headers["retry-after"] for each in refused} == {"5"}
    assert (after["connections"], after["calls"]) == (before["connections"], before["calls"])
    assert took < 2
    assert states()[0] == ["done"]
    assert remote.spin(user, key=key).content == done.content, "what is done is repeated all the same"


def test_the_breaker_opens_and_closes_by_itself(remote: Machine, standin: StandIn, settings: Any) -> None:
    user = remote.player()
    standin.steering.fault("error_500", path=DEDUCT)
    failed = [remote.spin(user) for _ in range(2)]
    assert breaker.state == "open", "five tries in a row"
    standin.steering.clear()
    before = standin.steering.stats()

    refused = remote.spin(user)
    after = standin.steering.stats()
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=settings.RRR_BREAKER_RESET_S + 1)):
        answer = answer_of(remote.spin(user))
        state = breaker.state

    assert {each.code for each in (*failed, refused)} == {"LOYALTY_UNAVAILABLE"}
    assert (after["connections"], after["calls"]) == (before["connections"], before["calls"])
    assert (answer["previousBalance"], state) == (1_000, "closed")
    assert answer_of(remote.spin(user))["nonce"] == 1


# --- nothing is held meanwhile -------------------------------------------------------------------------------------

HELD = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND now() - xact_start > interval '700 ms'
"""
LOCKS = """
SELECT count(*) FROM pg_locks
 WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
"""


@contextmanager
def sampled() -> Iterator[list[int]]:
    """Sample, on a connection of its own, how many others have a transaction open for longer than a batch takes."""
    facts = connection.get_connection_params()
    address = {name: facts[name] for name in ("dbname", "user", "password", "host", "port")}
    found: list[int] = []
    ended = threading.Event()

    def sample() -> None:
        with psycopg.connect(**address, autocommit=True) as own:
            while not ended.wait(0.02):
                found.append(own.execute(HELD).fetchone()[0])  # type: ignore[index]

    sampling = threading.Thread(target=sample)
    sampling.start()
    try:
        yield found
    finally:
        ended.set()
        sampling.join()


@pytest.fixture
def patient(standin: StandIn, settings: Any) -> None:
    """Waits for slow answers."""
    settings.RRR_TRY_TIMEOUT_S, settings.RRR_TOTAL_TIMEOUT_S = 10.0, 20.0


@pytest.mark.usefixtures("patient")
def test_a_stall_holds_no_transaction_and_delays_nobody(standin: StandIn, remote: Machine) -> None:
    users = [remote.player() for _ in range(30)]
    song = f"/api/v1/menus/items/{song_of(performer()).pk}/purchase"
    buyers = [bearer(person(tokens=100)), session(person(tokens=100))]
    standin.steering.fault("latency", ms=4_000, path=DEDUCT)

    spins = [remote.begin(user) for user in users[:20]]
    spins += [remote.begin(user, headers=session(user)) for user in users[20:]]
    while SpinIntent.objects.count() < len(users):
        time.sleep(0.05)
    until(lambda: not rows(LOCKS)[0]["count"], within_s=0.5)
    connection.close()
    with sampled() as found:
        began = time.monotonic()
        bought = [remote.process.post(song, {**headers, **keyed()}, {"expectedPrice": 40}) for headers in buyers]
        read = client_of(users[0]).get("/api/v1/slot-machine/fairness")
        took = time.monotonic() - began
        waiting = [not spin.done() for spin in spins]
        connection.close()
        replies = [spin.result(30) for spin in spins]

    assert ([each.status for each in bought], read.status_code) == ([201, 201], 200)
    assert all(waiting), "purchases are answered while spins wait: connections and threads are free"
    assert took < 1.5, "each takes some ten milliseconds, as ever"
    assert {reply.status for reply in replies} == {200}
    assert len(found) > 20
    assert max(found) == 0


# --- the ordinary endpoint -----------------------------------------------------------------------------------------


def test_a_web_process_never_asks_redroomrewards(remote: Machine, standin: StandIn) -> None:
    user = remote.player()
    before = calls(standin)
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    by_api = browser.post(
        SPIN, {"betAmount": 100}, content_type="application/json", headers={"Idempotency-Key": f"spin-{new_id()}"}
    )
    by_form = browser.post("/slots/spin", {"bet": "100", "idempotency_key": f"form-{new_id()}"})

    assert (by_api.status_code, by_api.json()["error"]["code"]) == (503, "LOYALTY_UNAVAILABLE")
    assert by_form.status_code in (302, 503)
    assert (calls(standin), states()) == (before, ([], {}))


def test_handing_over_is_no_error_that_anybody_handles() -> None:
    assert not issubclass(HandedOver, Exception)


# --- the end of the process ----------------------------------------------------------------------------------------


def test_what_was_taken_in_is_answered_before_the_end(remote: Machine, standin: StandIn) -> None:
    users = [remote.player() for _ in range(5)]
    standin.steering.fault("latency", ms=400, path=DEDUCT)
    spins = [remote.begin(user) for user in users]
    while SpinIntent.objects.count() < 5:
        time.sleep(0.01)

    remote.process.stop()

    assert {spin.result(1).status for spin in spins} == {200}
    assert Counter(states()[0]) == {"done": 5}


# --- reconciliation's part -----------------------------------------------------------------------------------------


def test_an_intent_that_was_paid_is_given_back(remote: Machine, standin: StandIn) -> None:
    user, key = remote.player(), f"spin-{new_id()}"
    standin.steering.fault("drop_after", path=DEDUCT)
    remote.spin(user, key=key)
    breaker.reset()
    spin_id = SpinIntent.objects.get().id

    assert resolve_intent(spin_id=spin_id, taken=100)
    assert not resolve_intent(spin_id=spin_id, taken=100), "once"

    assert states() == (["compensated"], {"deduct": "compensated", "refund": "open"})
    standin.steering.clear()
    assert answer_of(remote.spin(user, key=key))["previousBalance"] == 900, "the credit is on its way"


def test_an_intent_that_was_not_paid_is_refused(remote: Machine, standin: StandIn) -> None:
    user = remote.player()
    standin.steering.fault("drop_before", path=DEDUCT)
    remote.spin(user)
    breaker.reset()

    assert resolve_intent(spin_id=SpinIntent.objects.get().id, taken=0, error="INSUFFICIENT_BALANCE")

    assert states() == (["refused"], {"deduct": "refused"})


def test_a_spin_that_was_drawn_meanwhile_stays(remote: Machine) -> None:
    user = remote.player()
    answer_of(remote.spin(user, clientNonce=winning(user).hex()))

    assert not resolve_intent(spin_id=Spin.objects.get().id, taken=100)
    assert states() == (["done"], {"deduct": "confirmed", "credit": "open"})


# --- what is read --------------------------------------------------------------------------------------------------


def test_a_credit_is_pending_until_it_is_confirmed(remote: Machine, standin: StandIn) -> None:
    user = remote.player()
    first = answer_of(remote.spin(user, clientNonce=winning(user).hex()))
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    def is_pending() -> bool:
        pending: bool = browser.get(f"/api/v1/slot-machine/spins/{first['spinId']}").json()["pendingCredit"]
        return pending

    assert is_pending()
    RemoteOperation.objects.filter(kind="credit").update(state="confirmed", closed_at="2026-01-01T00:00:00Z")
    assert not is_pending()
    assert balances(standin)[str(user.pk)] == 900
