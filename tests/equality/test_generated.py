"""Generated spins and purchases, good, refused and hostile: batches answer and write what the ordinary endpoints do."""

import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

import perfqueue.services
import slots.services
from accounts.models import Role, User
from accounts.tokens import issue
from core.ids import new_id
from escrow.services import Currency, Deposit, House, operations
from escrow.tests import factories as escrow_of
from menus.models import MenuItem
from menus.tests.factories import item_in, menu_of
from slots.models import Game, SlotState
from slots.services.paytables import active_paytable
from slots.tests.factories import play
from tests import world
from tests.equality.servers import Pair, running
from tests.equality.waves import Case, Wave, both, codes_of, made

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]
SPIN = "/api/v1/slot-machine/spin"
EACH = 4
"""People of each kind."""
WRONG: list[Any] = [
    None,
    True,
    1.5,
    -1,
    0,
    "1",
    [],
    {},
    10**40,
    "",
    "x" * 300,
    "\ud83d",
    "\U0001f3b0",
    "\u2028",
    " a ",
    "\x07",
]


@pytest.fixture(scope="module")
def limited(django_db_setup: None, django_db_blocker: Any) -> Iterator[Pair]:
    """Servers that allow a player one spin an hour."""
    with (
        django_db_blocker.unblock(),
        running(SLOTS_MIN_INTERVAL_MS="60000", SLOTS_SPINS_PER_HOUR="1", METRICS_TOKEN="") as found,
    ):
        yield found


@pytest.fixture(params=range(int(os.environ.get("EQUALITY_SEEDS", "1"))))
def source(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)


def people(count: int, *, points: int = 0, tokens: int = 0, role: str = Role.USER) -> list[User]:
    made_now = world.people(count, role=role)
    for currency, amount in ((Currency.POINT, points), (Currency.TOKEN, tokens)):
        deposits = [Deposit(str(new_id()), each.pk, currency, amount, House.MINT) for each in made_now]
        if amount:
            assert {paid.code for paid in operations.deposit_many(deposits)} == {None}
    return made_now


def changed(who: Sequence[User], **fields: Any) -> list[User]:
    User.objects.filter(pk__in=[each.pk for each in who]).update(**fields)
    return list(who)


def refused_accounts(make: Callable[[int], list[User]]) -> list[tuple[User, str]]:
    """Return people whose accounts a command is refused to, with the code."""
    return [
        *((each, "AGE_VERIFICATION_REQUIRED") for each in changed(make(EACH), verified_at=None)),
        *((each, "TERMS_NOT_ACCEPTED") for each in changed(make(EACH), terms_version=0)),
        *((each, "UNAUTHENTICATED") for each in changed(make(2), must_change_password=True)),
        *((each, "UNAUTHENTICATED") for each in changed(make(2), is_active=False)),
    ]


# --- spins ----------------------------------------------------------------------------------------------------


def players(count: int, *, points: int = 1_000) -> list[User]:
    """Players who have been shown a commitment, so that the next draw is the same whoever asks."""
    found = people(count, points=points)
    for each in found:
        slots.services.fairness(user=each)
    return found


class Spins:
    """Makes spins, each with a key of its own."""

    def __init__(self, source: random.Random, rooms: Sequence[User]) -> None:
        self._source = source
        self._rooms = rooms
        self._digest = bytes(active_paytable().digest).hex()
        self._keys = 0

    def key(self) -> str:
        self._keys += 1
        return f"key-of-a-spin-{self._keys}"

    def good(self, who: User, code: str = "", **more: Any) -> Case:
        """A spin with any of the optional members, whose draw is decided by what is known."""
        state = SlotState.objects.filter(user_id=who.pk).first()
        may = {
            "commitment": bytes(state.commitment).hex() if state else None,
            "paytableDigest": self._digest,
            "clientSeed": self._source.choice(["", "lucky", "ünï 🎰", "a" * 64, "<b>\"'\\"]),
            "performerId": str(self._source.choice(self._rooms).pk),
        }
        body = {name: value for name, value in may.items() if value is not None and self._source.random() < 0.4}
        nonce = self._source.randbytes(16).hex()
        return Case(who, SPIN, made(**{"betAmount": 100, "clientNonce": nonce} | body | more), self.key(), code)

    def hostile(self, who: User) -> Case:
        """A body with a thing or two that are wrong, or none that happens to be; without points nothing is drawn."""
        names = ["betAmount", "clientNonce", "clientSeed", "commitment", "paytableDigest", "performerId", "other"]
        wrong: dict[str, Any] = {
            name: self._source.choice(WRONG) for name in self._source.sample(names, self._source.randint(1, 2))
        }
        return self.good(who, **wrong)


def revoked_tokens(found: Sequence[User]) -> list[str]:
    """Return a token of each; their passwords have changed since."""
    tokens = [issue(each).access for each in found]
    for each in found:
        each.set_password("another one")
        each.save()
    return tokens


def players_in_a_hurry(clock: Any) -> tuple[list[User], list[User]]:
    """Return players who have used up their hour, and players who have spun just now."""
    clock.shift(minutes=-3)
    spent = players(EACH)
    for each in spent:
        play(user=each)
    clock.reset()
    hasty = players(EACH)
    for each in hasty:
        play(user=each)
    return spent, hasty


def test_some_hundred_spins(limited: Pair, source: random.Random, clock: Any, settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = settings.SLOTS_SPINS_PER_HOUR = 0
    spins = Spins(source, world.performers(3))
    lucky, twins, poor = players(60), players(10), players(EACH + 40, points=10)
    frozen, revoked, named = players(EACH), players(EACH), players(EACH)
    for each in frozen:
        escrow_of.freeze(each)
    tokens = revoked_tokens(revoked)
    spent, hasty = players_in_a_hurry(clock)
    first = [spins.good(each) for each in lucky]
    pairs = [spins.good(each) for each in twins]
    refused = [
        *(spins.good(each, "ROLE_NOT_ALLOWED") for each in people(EACH, points=1_000, role=Role.PERFORMER)),
        *(spins.good(each, code) for each, code in refused_accounts(players)),
        *(spins.good(each, "PAYTABLE_CHANGED", paytableDigest="00" * 32) for each in named),
        *(spins.good(each, "COMMITMENT_STALE", commitment="0A" * 32) for each in named),
        *(spins.good(each, "INVALID_BET", betAmount=source.choice([1, 99, 101, 10**6])) for each in named),
        *(spins.good(each, "NOT_FOUND", performerId=str(new_id())) for each in named),
        *(spins.good(each, "SPIN_TOO_FAST") for each in hasty),
        *(spins.good(each, "RATE_LIMIT_EXCEEDED") for each in spent),
        *(spins.good(each, "INSUFFICIENT_BALANCE") for each in poor[:EACH]),
        *(spins.good(each, "WALLET_FROZEN") for each in frozen),
        *(
            Case(each, SPIN, made(betAmount=100), spins.key(), "UNAUTHENTICATED", token)
            for each, token in zip(revoked, tokens, strict=True)
        ),
    ]
    source.shuffle(refused)
    newcomers = [Case(each, SPIN, made(betAmount=1), spins.key(), "INVALID_BET") for each in people(3, points=1_000)]
    replays = [Case(each.who, SPIN, each.body, each.key, "200") for each in source.sample(first, 12)]
    reused = [Case(each.who, SPIN, made(betAmount=99), each.key, "IDEMPOTENCY_KEY_REUSED") for each in first[:8]]
    hostile = [spins.hostile(each) for each in poor[EACH:]]
    closed = [spins.good(each, "GAME_DISABLED") for each in players(EACH)]

    found, grown = both(
        limited,
        [
            Wave(first),
            Wave([*pairs, *refused, *pairs]),
            Wave([*replays, *reused, *newcomers, *hostile]),
            Wave(closed, before=lambda: Game.objects.update(enabled=False)),
        ],
    )

    answered = codes_of(found)
    print(json.dumps({"answers": answered, "in batches": grown["batch_requests_sum slots.spin"]}))
    assert answered["200"] >= 60 + 2 * 10 + 12
    assert sum(dict(each.headers).get("idempotent-replayed") == "true" for each in found) == 10 + 12
    known_by_all = len(found) - answered["VALIDATION_FAILED"] - 8  # hostile bodies that another gate refuses
    assert grown["batch_requests_sum slots.spin"] >= known_by_all
    assert grown["batch_left_out slots.spin"] >= len(newcomers)
    assert grown["batch_requests_count slots.spin"] < grown["batch_requests_sum slots.spin"], "each was alone"


# --- purchases ------------------------------------------------------------------------------------------------


class Purchases:
    """Makes purchases, each with a key of its own."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._keys = 0

    def good(self, who: User, item: MenuItem | None, code: str = "", *, token: str = "", **more: Any) -> Case:
        self._keys += 1
        note: dict[str, str] = self._source.choice([{}, {"note": "Hi"}, {"note": '\U0001f3b0 ünï "<b>'}, {"note": ""}])
        path = f"/api/v1/menus/items/{item.pk if item else new_id()}/purchase"
        price = (item and item.price_tokens) or 40
        key = f"key-of-a-purchase-{self._keys}"
        return Case(who, path, made(**{"expectedPrice": price} | note | more), key, code, token)

    def hostile(self, who: User, item: MenuItem) -> Case:
        names = ["expectedPrice", "note", "amount", "other"]
        wrong: dict[str, Any] = {
            name: self._source.choice(WRONG) for name in self._source.sample(names, self._source.randint(1, 2))
        }
        return self.good(who, item, **wrong)


def song_of(performer: User, price: int = 40, **fields: Any) -> MenuItem:
    return item_in(menu_of(performer), "A song", price, **fields)


def items_of_queues_that_refuse(waiting: Sequence[User], clock: Any) -> dict[str, MenuItem]:
    """Return an item of each queue that refuses some of those who wait, by why."""
    shut, still, full, capped, barred, gone, late = found = world.performers(7, depth=2, user_cap=1, rope_drop_s=60)
    items = [song_of(each) for each in found]
    perfqueue.services.close_queue(performer_id=shut.pk, actor=shut)
    perfqueue.services.pause_queue(performer_id=still.pk, actor=still)
    for who in waiting[:2]:
        world.buy(who, full, 10)
    world.buy(waiting[2], capped, 10)
    for who in waiting[:EACH]:
        perfqueue.services.block(performer_id=barred.pk, user_id=who.pk, actor=barred)
    world.deactivated(gone)
    clock.shift(minutes=-3)
    world.buy(world.person(tokens=100), late, 10)
    clock.reset()
    return dict(zip(("closed", "paused", "full", "capped", "blocked", "deactivated", "overdue"), items, strict=True))


def test_some_hundred_purchases(limited: Pair, source: random.Random, clock: Any) -> None:
    buys = Purchases(source)
    songs = [song_of(each, source.randint(1, 90)) for each in world.performers(12, depth=50, user_cap=9)]
    hidden, other = song_of(songs_owner := world.performer()), song_of(songs_owner)
    MenuItem.objects.filter(pk=hidden.pk).update(active=False)
    buyers, waiting = people(60, tokens=1_000), people(6, tokens=1_000)
    poor, frozen, revoked = people(EACH + 40), people(EACH, tokens=100), people(EACH, tokens=100)
    owing = people(EACH)
    for each in owing:
        escrow_of.indebt(each, 50)
    for each in frozen:
        escrow_of.freeze(each)
    tokens = revoked_tokens(revoked)
    at = items_of_queues_that_refuse(waiting, clock)
    any_of = source.choice
    first = [buys.good(each, songs[place % 12]) for place, each in enumerate(buyers)]
    twins = [buys.good(each, songs[place]) for place, each in enumerate(buyers[:12])]
    refused = [
        *(buys.good(each, any_of(songs), "PRICE_CHANGED", expectedPrice=99) for each in buyers[:EACH]),
        *(buys.good(each, hidden, "ITEM_UNAVAILABLE") for each in buyers[:EACH]),
        *(buys.good(each, at["closed"], "QUEUE_CLOSED") for each in buyers[:EACH]),
        *(buys.good(each, at["paused"], "QUEUE_PAUSED") for each in buyers[:EACH]),
        *(buys.good(each, at["full"], "QUEUE_FULL") for each in buyers[:EACH]),
        *(buys.good(waiting[2], at["capped"], "USER_QUEUE_LIMIT") for _ in range(EACH)),
        *(buys.good(each, at["blocked"], "FORBIDDEN") for each in waiting[:EACH]),
        *(buys.good(songs_owner, other, "FORBIDDEN") for _ in range(EACH)),
        *(buys.good(songs_owner, any_of(songs), "ROLE_NOT_ALLOWED") for _ in range(EACH)),
        *(buys.good(each, any_of(songs), "ROLE_NOT_ALLOWED") for each in people(2, role=Role.ADMIN)),
        *(buys.good(each, any_of(songs), "INSUFFICIENT_BALANCE") for each in [*poor[:EACH], *owing]),
        *(buys.good(each, any_of(songs), "WALLET_FROZEN") for each in frozen),
        *(buys.good(each, any_of(songs), "VALIDATION_FAILED", amount=40) for each in buyers[:EACH]),
        *(buys.good(each, any_of(songs), code) for each, code in refused_accounts(people)),
        *(
            buys.good(each, any_of(songs), "UNAUTHENTICATED", token=token)
            for each, token in zip(revoked, tokens, strict=True)
        ),
        *(buys.good(each, at["deactivated"], "NOT_FOUND") for each in buyers[:EACH]),
        *(buys.good(each, None, "NOT_FOUND") for each in buyers[:EACH]),
    ]
    source.shuffle(refused)
    replays = [Case(each.who, each.path, each.body, each.key, "201") for each in source.sample(first, 12)]
    reused = [
        Case(each.who, each.path, made(expectedPrice=99), each.key, "IDEMPOTENCY_KEY_REUSED") for each in first[:8]
    ]
    hostile = [buys.hostile(each, any_of(songs)) for each in poor[EACH:]]
    last = [buys.good(buyers[0], at["overdue"], "201")]
    in_turn = [Wave(first[place : place + 12]) for place in range(0, len(first), 12)]  # one a queue

    found, grown = both(
        limited, [*in_turn, Wave([*twins, *refused, *twins]), Wave([*replays, *reused, *hostile]), Wave(last)]
    )

    answered = codes_of(found)
    print(json.dumps({"answers": answered, "in batches": grown["batch_requests_sum menus.purchase"]}))
    assert answered["201"] >= 60 + 2 * 12 + 12 + 1
    assert sum(dict(each.headers).get("idempotent-replayed") == "true" for each in found) == 12 + 12
    assert grown["batch_requests_sum menus.purchase"] >= len([*first, *twins, *refused, *replays, *reused])
    assert grown["batch_left_out menus.purchase"] <= 3 * EACH
    assert grown["batch_requests_count menus.purchase"] < grown["batch_requests_sum menus.purchase"], "each was alone"
