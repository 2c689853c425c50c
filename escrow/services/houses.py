"""House accounts have entries and no row to lock. A balance is the newest snapshot plus the entries since."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core import db
from escrow.models import Currency, House
from escrow.services.verification import snapshot

SNAPSHOT_AGE = "1 hour"
"""The age at which an entry enters a snapshot. An id is drawn seconds at most before its row is visible, so by then all
lower ids are visible too."""


@dataclass(frozen=True)
class HouseBalance:
    """The balance of a house account: received less paid. `snapshot_at`: None without a snapshot."""

    house: str
    currency: str
    balance: int
    snapshot_at: datetime | None


@dataclass(frozen=True)
class CurrencyTotals:
    """The sums of all wallets and of each house account in one currency. `total`, over all of them, is 0."""

    currency: str
    available: int
    held: int
    earned: int
    owed: int
    houses: Sequence[HouseBalance]

    @property
    def total(self) -> int:
        return self.available + self.held + self.earned - self.owed + sum(each.balance for each in self.houses)


BALANCES = """
SELECT a.house, a.currency, (coalesce(s.balance, 0) + coalesce(t.since, 0))::bigint AS balance, s.at AS snapshot_at
  FROM unnest(%(houses)s::text[], %(currencies)s::text[]) WITH ORDINALITY AS a(house, currency, place)
  LEFT JOIN LATERAL (SELECT * FROM escrow_housesnapshot x WHERE x.house = a.house AND x.currency = a.currency
                      ORDER BY x.upto DESC LIMIT 1) s ON true
 CROSS JOIN LATERAL (SELECT sum(e.d_available) AS since FROM escrow_entry e
                      WHERE e.house = a.house AND e.currency = a.currency AND e.id > coalesce(s.upto, 0)) t
 ORDER BY a.place
"""
SNAPSHOT = """
INSERT INTO escrow_housesnapshot (house, currency, upto, balance)
SELECT a.house, a.currency, n.upto, coalesce(s.balance, 0) + t.since
  FROM unnest(%(houses)s::text[], %(currencies)s::text[]) AS a(house, currency)
  LEFT JOIN LATERAL (SELECT * FROM escrow_housesnapshot x WHERE x.house = a.house AND x.currency = a.currency
                      ORDER BY x.upto DESC LIMIT 1) s ON true
 CROSS JOIN LATERAL (SELECT e.id AS upto FROM escrow_entry e
                      WHERE e.house = a.house AND e.currency = a.currency AND e.id > coalesce(s.upto, 0)
                        AND e.at <= core_now() - %(age)s::interval ORDER BY e.id DESC LIMIT 1) n
 CROSS JOIN LATERAL (SELECT sum(e.d_available) AS since FROM escrow_entry e
                      WHERE e.house = a.house AND e.currency = a.currency AND e.id > coalesce(s.upto, 0)
                        AND e.id <= n.upto) t
ON CONFLICT (house, currency, upto) DO NOTHING RETURNING 1 AS one
"""
WALLETS = """
SELECT currency, sum(available)::bigint AS available, sum(held)::bigint AS held, sum(earned)::bigint AS earned,
       sum(owed)::bigint AS owed FROM escrow_wallet GROUP BY currency
"""
DAYS = """
SELECT DISTINCT ON (x.house, (x.at AT TIME ZONE 'UTC')::date) x.house, (x.at AT TIME ZONE 'UTC')::date AS day, x.balance
  FROM escrow_housesnapshot x WHERE x.currency = %(currency)s AND x.at < (%(last)s::date + 1) AT TIME ZONE 'UTC'
 ORDER BY x.house, (x.at AT TIME ZONE 'UTC')::date, x.upto DESC
"""
ACCOUNTS = [(house.value, currency.value) for currency in Currency for house in House]
ACCOUNT_PARAMS = {"houses": [house for house, _ in ACCOUNTS], "currencies": [currency for _, currency in ACCOUNTS]}


def house_balances() -> list[HouseBalance]:
    """Every house account in every currency (one statement; reads no entry older than the newest snapshot)."""
    return [
        HouseBalance(row["house"], row["currency"], row["balance"], row["snapshot_at"])
        for row in db.rows(BALANCES, ACCOUNT_PARAMS)
    ]


def in_circulation(currency: Currency) -> int:
    """What all wallets hold in a currency, held amounts included, less what they owe (one statement).

    Read from the house accounts: over wallets and houses every currency sums to zero.
    """
    return -sum(each.balance for each in house_balances() if each.currency == currency)


def circulation_by_day(currency: Currency, *, first: date, last: date) -> dict[date, int]:
    """What all wallets held at the end of each day, UTC, by the last snapshots before it (one statement).

    Days before the first snapshot are left out. A snapshot is up to an hour behind; an account without entries since
    keeps its last one.
    """
    balances: dict[str, int] = {}
    found = deque(sorted(db.rows(DAYS, {"currency": currency, "last": last}), key=lambda row: row["day"]))
    ends = {}
    for day in (first + timedelta(days=after) for after in range((last - first).days + 1)):
        while found and found[0]["day"] <= day:
            row = found.popleft()
            balances[row["house"]] = row["balance"]
        if balances:
            ends[day] = -sum(balances.values())
    return ends


def snapshot_houses() -> int:
    """Write a snapshot of every house account with old enough entries since its last one; return how many. No lock."""
    return len(db.rows(SNAPSHOT, ACCOUNT_PARAMS | {"age": SNAPSHOT_AGE}))


def totals_by_currency() -> list[CurrencyTotals]:
    """Sum every currency over wallets and house accounts, in one snapshot of the database (reads every wallet)."""
    with snapshot():
        houses = house_balances()
        wallets = {row.pop("currency"): row for row in db.rows(WALLETS)}
    zeros = {"available": 0, "held": 0, "earned": 0, "owed": 0}
    return [
        CurrencyTotals(
            currency=currency.value,
            **wallets.get(currency.value, zeros),
            houses=[each for each in houses if each.currency == currency.value],
        )
        for currency in Currency
    ]
