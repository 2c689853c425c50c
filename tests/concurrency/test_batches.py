"""Batches of two processes and the web process against each other and against all that takes the same rows."""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import pytest
from django.db import connection

import menus.services
import perfqueue.services
import slots.services
from accounts.models import User
from accounts.tokens import issue
from core.db import command
from core.ids import new_id
from escrow import services as escrow
from escrow.errors import WalletFrozen
from escrow.services import Currency, Deposit, House, adjustments
from escrow.services.adjustments import Reversal
from escrow.tests.factories import freeze, thaw
from menus.models import MenuItem, Purchase
from menus.tests.factories import item_in, menu_of
from perfqueue.services import sweeper
from slots.models import Spin
from tests import world
from tests.clock import Clock
from tests.concurrency.test_deadlocks import deadlocks
from tests.equality.servers import Got, Sent, answer_to, ask, sent, serving, signed
from tests.stack.processes import until
from xxxchat.stack import ports

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]
SPIN = "/api/v1/slot-machine/spin"
ROUNDS = int(os.environ.get("STORM_ROUNDS", "6"))
PEOPLE = 8
REFUSED = {
    *("INSUFFICIENT_BALANCE", "WALLET_FROZEN", "PRICE_CHANGED", "FORBIDDEN"),
    *("IDEMPOTENCY_KEY_REUSED", "INVALID_BET", "QUEUE_BUSY", "REQUEST_IN_PROGRESS"),
}


@pytest.fixture(scope="module")
def servers(django_db_setup: None, django_db_blocker: Any) -> Iterator[list[int]]:
    """Web and two commands processes. Once they have ended, the database has seen no deadlock."""
    found = ports.free_ports(3)
    without_limits = {"SLOTS_MIN_INTERVAL_MS": "0", "SLOTS_SPINS_PER_HOUR": "0"}
    with django_db_blocker.unblock():
        before = deadlocks()
        with (
            serving("web", found[0], **without_limits),
            serving("commands", found[1], **without_limits),
            serving("commands", found[2], **without_limits),
        ):
            yield found
        assert deadlocks() == before


def song_of(performer: User, price: int = 40) -> MenuItem:
    return item_in(menu_of(performer), "A song", price, duration_s=90)


def code_of(got: Got) -> str:
    """The code of a refusal, or the status of what is none."""
    found = json.loads(got.body)
    return found["error"]["code"] if "error" in found else str(got.status)


def spin(token: str, bet: int = 100, **headers: str) -> Sent:
    return Sent(path=SPIN, body=b'{"betAmount": %d}' % bet, headers=signed(token, **headers))


def purchase(token: str, song: MenuItem, price: int = 40, **headers: str) -> Sent:
    path = f"/api/v1/menus/items/{song.pk}/purchase"
    return Sent(path=path, body=b'{"expectedPrice": %d}' % price, headers=signed(token, **headers))


def at_once(where: Sequence[int], *requests: Sent) -> list[Got]:
    """Send each request to its server before any answer is read."""
    return [answer_to(link) for link in [sent(port, each) for port, each in zip(where, requests, strict=True)]]


# --- a storm --------------------------------------------------------------------------------------------------


@dataclass
class Storm:
    """People who send each request to all servers at once, and once more changed, with one key."""

    servers: list[int]
    songs: list[MenuItem]
    answers: dict[str, list[Got]] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def rounds(self) -> Iterator[int]:
        """Numbers, a few a second, until the people are done."""
        for number in count():
            if self.over.wait(0.01):
                return
            yield number

    def person(self, who: User, place: int) -> None:
        token = issue(who).access
        for number in range(ROUNDS):
            key = f"key-{place}-{number}-of-the-storm"
            song = self.songs[(place + number) % len(self.songs)]
            made: Callable[..., Sent] = partial(spin, token) if (place + number) % 2 else partial(purchase, token, song)
            twins = [made(**{"Idempotency-Key": key})] * 3
            where = [*self.servers, self.servers[1 + number % 2]]
            self.answers[key] = at_once(where, *twins, made(99, **{"Idempotency-Key": key}))


def money_of(storm: Storm, people: Sequence[User]) -> None:
    """Deposits, some of them charged back after they are spent, and wallets frozen for a moment."""
    for number in storm.rounds():
        for who in people[number % 2 :: 2]:
            currency = (Currency.POINT, Currency.TOKEN)[number % 3 == 0]
            paid = deposited(who, currency)
            if number % 2:
                adjustments.chargeback_many([Reversal(paid.operation_id)])
        freeze(people[number % len(people)])
        storm.over.wait(0.03)
        thaw(people[number % len(people)])


def deposited(who: User, currency: Currency) -> Any:
    return command(lambda: escrow.deposit(Deposit(str(new_id()), who.pk, currency, 150, House.SALES)))


def stage_of(storm: Storm, performer: User) -> None:
    """Starts and finishes whoever is at the head, and sweeps."""
    for _ in storm.rounds():
        head = perfqueue.services.all_items().filter(performer=performer, state="created").order_by("turn").first()
        if head is not None:
            command(lambda: perfqueue.services.start(item_id=head.pk, actor=performer))  # noqa: B023
            insisted(lambda: perfqueue.services.finish(item_id=head.pk, actor=performer, settle=4, reason="r"))  # noqa: B023
        sweeper.sweep("storm")


def insisted(work: Callable[[], object]) -> None:
    """Run a command until the wallet that it needs is not frozen."""
    for _ in range(200):
        try:
            command(work)
        except WalletFrozen:
            threading.Event().wait(0.02)
        else:
            return
    raise AssertionError("frozen for good")


def rules_of(storm: Storm, performer: User, song: MenuItem, somebody: User) -> None:
    """Changes a price and back, and blocks a buyer and lets them in again."""
    for _ in storm.rounds():
        priced(song, 41)
        perfqueue.services.block(performer_id=performer.pk, user_id=somebody.pk, actor=performer)
        priced(song, 40)
        perfqueue.services.unblock(performer_id=performer.pk, user_id=somebody.pk, actor=performer)


def priced(song: MenuItem, price: int) -> None:
    draft = menus.services.ItemDraft(title=song.title, price_tokens=price, duration_s=song.duration_s)
    menus.services.update_item(actor=User(role="admin"), item_id=song.pk, draft=draft)


def closing(work: Callable[[], None]) -> None:
    try:
        work()
    finally:
        connection.close()


def test_a_storm_of_twins_on_all_paths_beside_everything_that_takes_the_same_rows(servers: list[int]) -> None:
    ruby, jade = world.performers(2, depth=200, user_cap=50)
    storm = Storm(servers, [song_of(ruby), song_of(jade)])
    people = [world.person(points=2_000, tokens=2_000) for _ in range(PEOPLE)]
    clients = [partial(storm.person, who, place) for place, who in enumerate(people)]
    others = [
        partial(money_of, storm, people),
        partial(stage_of, storm, ruby),
        partial(rules_of, storm, jade, storm.songs[1], people[0]),
    ]

    with ThreadPoolExecutor(len(clients) + len(others)) as pool:
        beside = [pool.submit(closing, work) for work in others]
        try:
            for done in [pool.submit(closing, work) for work in clients]:
                done.result(timeout=120)
        finally:
            storm.over.set()
        for done in beside:
            done.result(timeout=60)

    codes = Counter(code_of(got) for answers in storm.answers.values() for got in answers)
    print(json.dumps({"answers": codes}))
    assert set(codes) <= {"200", "201"} | REFUSED, codes
    done_keys = 0
    for key, answers in storm.answers.items():
        bodies = [got for got in answers if got.status < 300]
        first = [got for got in bodies if ("idempotent-replayed", "true") not in got.headers]
        assert len({got.body for got in bodies}) <= 1, key
        assert len(first) == bool(bodies), key
        done_keys += bool(bodies)
    assert done_keys == Spin.objects.count() + Purchase.objects.count()
    assert done_keys > len(storm.answers) / 2, codes
    assert slots.services.verify() == []


def test_a_first_spin_in_two_processes_is_two_spins_of_one_state(servers: list[int]) -> None:
    people = [world.person(points=1_000) for _ in range(PEOPLE)]
    tokens = [issue(who).access for who in people]

    answers = at_once(servers[1:] * PEOPLE, *[spin(token) for token in tokens for _ in range(2)])

    assert {code_of(got) for got in answers} == {"200"}
    found = Counter(Spin.objects.values_list("user_id", "nonce"))
    assert found == {(who.pk, nonce): 1 for who in people for nonce in (0, 1)}
    assert slots.services.verify() == []


def test_what_is_overdue_in_one_queue_ends_before_the_purchase_and_delays_no_other(
    servers: list[int], clock: Clock
) -> None:
    """The overdue item's buyer buys from somebody else in the same moment: the refund meets the hold."""
    late, other = world.performers(2, rope_drop_s=60, user_cap=50)
    songs = [song_of(late), song_of(other)]
    clock.shift(minutes=-3)
    alice = world.person(tokens=100)
    overdue = world.buy(alice, late, 60)
    clock.reset()
    people = [alice, *world.people(6, tokens=100)]
    wanted = [purchase(issue(who).access, songs[place % 2 == 0]) for place, who in enumerate(people)]

    answers = at_once([servers[1 + place % 2] for place in range(len(people))], *wanted)

    assert [code_of(got) for got in answers] == ["201"] * len(people)
    assert world.again(overdue).state == "refunded"
    assert [world.available(who) for who in people] == [60] * len(people)


# --- effective at once ----------------------------------------------------------------------------------------

Change = Callable[[User, User, MenuItem], object]
SPIN_CHANGES: dict[str, tuple[str, Change]] = {
    "a new password": ("UNAUTHENTICATED", lambda who, ruby, song: _with_password(who)),
    "a ban": ("UNAUTHENTICATED", lambda who, ruby, song: world.deactivated(who)),
    "a freeze": ("WALLET_FROZEN", lambda who, ruby, song: freeze(who)),
}
CHANGES: dict[str, tuple[str, Change]] = SPIN_CHANGES | {
    "a block": (
        "FORBIDDEN",
        lambda who, ruby, song: perfqueue.services.block(performer_id=ruby.pk, user_id=who.pk, actor=ruby),
    ),
    "a price": ("PRICE_CHANGED", lambda who, ruby, song: priced(song, 41)),
    "a closed queue": (
        "QUEUE_CLOSED",
        lambda who, ruby, song: perfqueue.services.close_queue(performer_id=ruby.pk, actor=ruby),
    ),
    "a performer who has gone": ("NOT_FOUND", lambda who, ruby, song: world.deactivated(ruby)),
}


def _with_password(who: User) -> None:
    who.set_password("another one")
    who.save()


@pytest.mark.parametrize(
    ("what", "change"), [*(("spin", each) for each in SPIN_CHANGES), *(("purchase", each) for each in CHANGES)]
)
def test_after_a_change_is_committed_no_batch_acts_by_what_was_before(
    servers: list[int], what: str, change: str
) -> None:
    ruby, who = world.performer(depth=200, user_cap=200), world.person(points=50_000, tokens=50_000)
    song, token = song_of(ruby), issue(who).access
    code, done = CHANGES[change]
    request = partial(spin, token) if what == "spin" else partial(purchase, token, song)
    began: list[tuple[float, str]] = []
    over = threading.Event()

    def client(port: int) -> None:
        while not over.is_set():
            at = time.monotonic()
            began.append((at, code_of(ask(port, request()))))

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(client, port) for port in servers[1:] * 2]
        try:
            until(lambda: len(began) >= 8, within_s=20)
            done(who, ruby, song)
            changed_at = time.monotonic()
            until(lambda: sum(at > changed_at for at, _ in began) >= 8, within_s=20)
        finally:
            over.set()
        for each in clients:
            each.result(timeout=20)

    assert {told for at, told in began if at > changed_at} == {code}
    assert {told for at, told in began if at <= changed_at} <= {"200", "201", code}
    assert sum(told in ("200", "201") for _, told in began) >= 4
