"""House accounts: only entries, so nobody waits for them. A balance is the newest snapshot and the entries since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core import db
from escrow.models import Currency, House
from escrow.services.verification import snapshot

SETTLED = "1 hour"
"""How old an entry must be to enter a snapshot. An id is drawn before its row is seen, by seconds at most: older ids
than a settled entry's are all there."""


@dataclass(frozen=True)
class HouseBalance:
    """What the house has in one account: positive if it was paid. `snapshot_at`: None before the first snapshot."""

    house: str
    currency: str
    balance: int
    snapshot_at: datetime | None


@dataclass(frozen=True)
class CurrencyTotals:
    """Everything of one currency, by where it is. All of it comes to nothing: `total` is 0."""

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
                        AND e.at <= core_now() - %(settled)s::interval ORDER BY e.id DESC LIMIT 1) n
 CROSS JOIN LATERAL (SELECT sum(e.d_available) AS since FROM escrow_entry e
                      WHERE e.house = a.house AND e.currency = a.currency AND e.id > coalesce(s.upto, 0)
                        AND e.id <= n.upto) t
ON CONFLICT (house, currency, upto) DO NOTHING RETURNING 1 AS one
"""
WALLETS = """
SELECT currency, sum(available)::bigint AS available, sum(held)::bigint AS held, sum(earned)::bigint AS earned,
       sum(owed)::bigint AS owed FROM escrow_wallet GROUP BY currency
"""
ACCOUNTS = [(house.value, currency.value) for currency in Currency for house in House]
PLACES = {"houses": [house for house, _ in ACCOUNTS], "currencies": [currency for _, currency in ACCOUNTS]}


def house_balances() -> list[HouseBalance]:
    """Every house account in every currency (one statement; reads no entry older than the newest snapshot)."""
    return [
        HouseBalance(row["house"], row["currency"], row["balance"], row["snapshot_at"])
        for row in db.rows(BALANCES, PLACES)
    ]


def snapshot_houses() -> int:
    """Write a snapshot of every house account with settled entries since its last one; return how many. No lock."""
    return len(db.rows(SNAPSHOT, PLACES | {"settled": SETTLED}))


def totals_by_currency() -> list[CurrencyTotals]:
    """What there is of each currency and where, in one snapshot of the database (reads every wallet)."""
    with snapshot():
        houses = house_balances()
        wallets = {row.pop("currency"): row for row in db.rows(WALLETS)}
    nothing = {"available": 0, "held": 0, "earned": 0, "owed": 0}
    return [
        CurrencyTotals(
            currency=currency.value,
            **wallets.get(currency.value, nothing),
            houses=[each for each in houses if each.currency == currency.value],
        )
        for currency in Currency
    ]
