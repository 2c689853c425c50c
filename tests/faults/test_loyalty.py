"""RedRoomRewards loses answers, fails, stalls and is killed, and so are a worker and the process that spins.

Every point is accounted for on both sides, nothing is paid twice, and no outcome stays unknown.

LOYALTY_SPINS, LOYALTY_USERS and LOYALTY_REAL_FIGURES (1: the product's own time-outs) make it longer; `make soak
ARGS=loyalty` does, and prints its progress.
"""

import json
import os
import re
import signal
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from operator import itemgetter

import httpx
import pytest
from playwright.sync_api import Browser, expect

from bench import loads
from bench.elsewhere import Elsewhere
from bench.queues import Queues
from bench.world import World
from loyalty.standin.steering import Steering
from tests.browser.conftest import launched
from tests.browser.visiting import PASSWORD, PHONE, Visitor, visitor
from tests.faults.remote import POINTS, Books, Play, Player, players
from tests.stack.processes import until
from xxxchat.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(3_600)]
SPINS = int(os.environ.get("LOYALTY_SPINS", "400"))
USERS = int(os.environ.get("LOYALTY_USERS", "20"))
IS_REAL = os.environ.get("LOYALTY_REAL_FIGURES") == "1"
SHORT = {} if IS_REAL else {
    "RRR_CONNECT_TIMEOUT_S": "0.3", "RRR_TRY_TIMEOUT_S": "0.3", "RRR_TOTAL_TIMEOUT_S": "1", "RRR_BREAKER_RESET_S": "1",
}  # fmt: skip
STALL_MS = 10_000 if IS_REAL else 1_000
"""Of which half comes before a call is carried out: longer than a try."""
FAULTS = [("drop_after", 0.10, {}), ("error_503", 0.10, {}), ("latency", 0.05, {"ms": STALL_MS})]
UNLIMITED = {"SLOTS_MIN_INTERVAL_MS": "0", "SLOTS_SPINS_PER_HOUR": "0", "LIMIT_CAPS_POINT": "0,0,0"}
SETTLED_WITHIN_S = 900 if IS_REAL else 60
AGAIN_AFTER_S = 1.0 if IS_REAL else 0.1
"""A breaker that is open for half a minute at a time may refuse a player for some minutes."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    elsewhere = {"LOYALTY_BACKEND": "redroomrewards", "RRR_BASE_URL": "", "LOG_LEVEL": "ERROR"}
    with Stack(env=elsewhere | UNLIMITED | SHORT, web_processes=1) as running:
        yield running


@pytest.fixture(scope="module")
def standin(stack: Stack) -> Iterator[Steering]:
    with closing(Steering(stack.environment["RRR_BASE_URL"])) as steering:
        yield steering


def with_faults(standin: Steering) -> None:
    """Put the faults in force, as soon as it listens."""
    until(lambda: answers(standin), within_s=30)
    for kind, rate, facts in FAULTS:
        standin.fault(kind, rate=rate, **facts)


def answers(standin: Steering) -> bool:
    try:
        standin.stats()
    except httpx.TransportError:
        return False
    return True


class Fired:
    """The faults that fired, summed up over the lives of a stand-in that is killed."""

    def __init__(self, stack: Stack, standin: Steering) -> None:
        self._stack, self._standin = stack, standin
        self.counts: Counter[str] = Counter()

    def add(self) -> None:
        stats = self._standin.stats()
        self.counts.update(stats["faults"])
        self.counts["replayed"] += sum(stats["replayed"].values())

    def kill_standin(self) -> None:
        """Kill it; once the supervisor has it back it has its faults again."""
        self.add()
        kill(self._stack, "standin")
        with_faults(self._standin)


def kill(stack: Stack, part: str) -> None:
    os.kill(stack.processes[part], signal.SIGKILL)


def the_bench_spins(stack: Stack, standin: Steering, who: Sequence[Player]) -> bool:
    """Run the load `spins loyalty` for a moment; return whether it got answers and finds the same points on both sides.

    Players are fewer than connections, so that most spins are refused while their player's other one is under way.
    """
    queues = Queues(stack.url, stack.database_url, World(tokens=[player.token for player in who], rooms=[]))
    figures = loads.run(loads.BESIDE, stack, queues, seconds=0.3)
    assert figures.statuses["200"] > 0
    assert set(figures.statuses) <= {"200", "409"}
    assert figures.parts["standin"] > 0
    return Elsewhere(stack, queues, standin).adds_up()


@pytest.fixture
def tell(capfd: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Tell how far a long run is, past pytest's capture; a short one says nothing."""

    def say(text: str) -> None:
        with capfd.disabled():
            print(f"progress: {text}", flush=True)

    return say if IS_REAL else lambda _: None


def test_every_point_is_accounted_for_on_both_sides(
    stack: Stack, standin: Steering, tell: Callable[[str], None]
) -> None:
    who = players(stack, USERS)
    standin.put_members([player.member for player in who])
    members, clearing = {player.member["memberId"] for player in who}, Books.read(stack, who).clearing
    with_faults(standin)
    fired, play = Fired(stack, standin), Play(stack.url, SPINS // USERS, AGAIN_AFTER_S)
    deaths: list[Callable[[], None]] = [
        fired.kill_standin, partial(kill, stack, "worker"), partial(kill, stack, "web"),
        fired.kill_standin, partial(kill, stack, "commands"),
    ]  # fmt: skip
    meanwhile = [(SPINS * (place + 1) // (len(deaths) + 1), death) for place, death in enumerate(deaths)]
    meanwhile += [(SPINS * place // 20, lambda: tell(f"{len(play.answers)} spins")) for place in range(1, 20)]

    seconds = play.run(who, sorted(meanwhile, key=itemgetter(0)))
    tell(f"{len(play.answers)} spins after {seconds:.0f} s; {dict(play.troubles)}")
    fired.add()
    unknown = Books.read(stack, who)
    standin.clear()
    tell(f"{unknown.waiting} operations on their way")
    settled_s = until(lambda: Books.read(stack, who).is_settled, within_s=SETTLED_WITHIN_S)

    books = Books.read(stack, who)
    entries = [each for each in standin.entries() if each["type"] != "adjustment" and each["memberId"] in members]
    there = {entry["transactionId"]: entry["pointsDelta"] for entry in entries}
    balances = {member["clientUserId"]: member["balance"] for member in standin.members()}
    states = Counter(f"{kind} {state}" for _, kind, _, state, _ in books.operations)
    figures = {
        "spins": len(books.spins), "seconds": round(seconds, 1), "settled_after_s": round(settled_s, 1),
        "on_their_way_at_the_end": unknown.waiting, "troubles": play.troubles, "faults": fired.counts,
        "operations": states, "entries_there": len(entries), "clearing": books.clearing - clearing,
    }  # fmt: skip
    print(json.dumps(figures))

    assert sorted(spin["spinId"] for spin in play.answers.values()) == sorted(spin[0] for spin in books.spins)
    assert len(books.spins) == SPINS
    assert len(there) == len(entries)
    assert there == books.carried_out() == books.due()
    assert {user_id: balance - POINTS for user_id, balance in balances.items() if user_id in books.net} == books.net
    assert books.clearing - clearing == sum(books.net.values()) == sum(there.values())
    assert not [state for state in states if state.split()[1] in ("open", "unknown", "dead")]
    assert min(fired.counts[kind] for kind, _, _ in FAULTS) > 0
    assert the_bench_spins(stack, standin, who)
    assert stack.manage("verify_ledger", "--json", check=False).returncode == 0
    assert stack.manage("verify_spins", "--json", check=False).returncode == 0


def test_a_player_is_unlinked_links_again_and_sees_what_is_on_its_way(stack: Stack, standin: Steering) -> None:
    """On the pages."""
    until(lambda: answers(standin), within_s=30)
    standin.clear()
    with launched() as browser:
        links_again(browser, stack, standin)


def links_again(browser: Browser, stack: Stack, standin: Steering) -> None:
    support, alice = visitor(browser, stack.url), visitor(browser, stack.url, viewport=PHONE)
    support.sign_in("admin")
    unlink_alice(support)
    alice.sign_in("alice")
    alice.go("/loyalty")
    page, balance = alice.page, points_of_alice(standin)

    expect(page.locator("[data-code]")).to_have_text(re.compile(r"\S+"))  # the script has asked for it
    page.get_by_label("Member number").fill("member-alice")
    page.get_by_label("Confirmation").fill("111111")
    page.get_by_role("button", name="Link my points").click()
    expect(page.get_by_text("This does not fit the member number and the code. The code stays good.")).to_be_visible()
    alice.complaints.clear()  # the browser's word for the status of that answer
    page.get_by_label("Confirmation").fill("000000")
    page.get_by_role("button", name="Link my points").click()
    linked = page.get_by_role("region", name="Your membership")
    expect(linked).to_contain_text(f"Linked. {balance:,} points as of")

    standin.fault("error_503", path="/credit")
    payout = win(stack)
    alice.go("/loyalty")
    expect(linked).to_contain_text(f"+{payout:,} on its way.")
    assert alice.overflow() == 0
    standin.clear()
    until(lambda: Books.read(stack, []).is_settled, within_s=SETTLED_WITHIN_S)
    alice.go("/loyalty")
    expect(linked).not_to_contain_text("on its way")
    expect(linked).to_contain_text(f"{points_of_alice(standin):,} points as of")

    assert support.complaints == alice.complaints == []
    support.go_away()
    alice.go_away()


def unlink_alice(support: Visitor) -> None:
    support.go("/admin/loyalty/link/?q=alice")
    support.page.locator("#result_list tbody a").first.click()
    support.page.get_by_role("link", name="Unlink…").click()
    support.page.get_by_label("Reason").fill("She asked for it")
    support.page.get_by_role("button", name="Unlink").click()
    expect(support.page.get_by_text("1 of 1 unlinked.")).to_be_visible()


def points_of_alice(standin: Steering) -> int:
    (balance,) = (each["balance"] for each in standin.members() if each["memberId"] == "member-alice")
    return int(balance)


def win(stack: Stack) -> int:
    """Spin as alice until a spin pays; return how much, which is to be credited."""
    with httpx.Client(base_url=f"{stack.url}/api/v1/", timeout=15) as client:
        tokens = client.post("auth/token", json={"username": "alice", "password": PASSWORD}).json()
        client.headers["Authorization"] = f"Bearer {tokens['access']}"
        for _ in range(200):
            answer = client.post(
                "slot-machine/spin", json={"betAmount": 100}, headers={"Idempotency-Key": str(uuid.uuid4())}
            )
            assert answer.status_code == 200, answer.text
            if payout := int(answer.json()["result"]["payout"]):
                return payout
    raise AssertionError("no spin of 200 paid")
