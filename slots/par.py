"""The PAR sheet of a paytable, exact: every figure is a count of tickets or a fraction of them.

Pure, like ``slots.draw``. Returns are per point staked; the variance is that of the payout in units of the bet.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

from slots.draw import REELS, Table


@dataclass(frozen=True)
class Odds:
    """One kind of win: what it pays, and the `tickets` of all (`of`) that win it."""

    kind: str
    pay: int
    tickets: int
    of: int


@dataclass(frozen=True)
class ParSheet:
    """The return of a paytable, its hit frequency and its variance."""

    unit: int
    tickets: int
    odds: tuple[Odds, ...]
    tickets_by_pay: dict[int, int]

    @property
    def rtp(self) -> Fraction:
        """Points returned per point staked, in the long run."""
        return Fraction(sum(pay * count for pay, count in self.tickets_by_pay.items()), self.unit * self.tickets)

    @property
    def hit_tickets(self) -> int:
        """Tickets that pay anything."""
        return sum(self.tickets_by_pay.values())

    @property
    def hit_frequency(self) -> Fraction:
        """The share of spins that pay anything."""
        return Fraction(self.hit_tickets, self.tickets)

    @property
    def variance(self) -> Fraction:
        """E[m²] − E[m]² of the multiplier m = payout / bet."""
        squares = sum(pay * pay * count for pay, count in self.tickets_by_pay.items())
        return Fraction(squares, self.unit * self.unit * self.tickets) - self.rtp**2

    @property
    def loss_disguised_as_win_tickets(self) -> int:
        """Tickets that pay something, but less than the bet."""
        return sum(count for pay, count in self.tickets_by_pay.items() if pay < self.unit)

    @property
    def max_multiplier(self) -> Fraction:
        """The top award as a multiple of the bet."""
        return Fraction(max(self.tickets_by_pay, default=0), self.unit)

    @property
    def top_award_odds(self) -> Fraction:
        """The chance of the top award in one spin."""
        return Fraction(self.tickets_by_pay.get(max(self.tickets_by_pay, default=0), 0), self.tickets)

    def as_json(self) -> dict[str, Any]:
        """Return the sheet in the form of the paytable files: fractions as text, without rounding."""
        return {
            "tickets": self.tickets,
            "rtp": str(self.rtp),
            "hitTickets": self.hit_tickets,
            "hitFrequency": str(self.hit_frequency),
            "variance": str(self.variance),
            "lossDisguisedAsWinTickets": self.loss_disguised_as_win_tickets,
            "maxMultiplier": str(self.max_multiplier),
            "ticketsByPay": {str(pay): count for pay, count in sorted(self.tickets_by_pay.items())},
        }


def par_sheet(table: Table) -> ParSheet:
    """Compute the sheet by counting every combination of symbols by its weight."""
    by_kind: Counter[tuple[str, int]] = Counter()
    by_pay: Counter[int] = Counter()
    for symbols, count in _combinations(table):
        pay = table.pay(symbols)
        if pay:
            by_kind[kind_of(table, symbols), pay] += count
            by_pay[pay] += count
    odds = sorted(
        (Odds(kind=kind, pay=pay, tickets=count, of=table.tickets) for (kind, pay), count in by_kind.items()),
        key=lambda row: (-row.pay, row.kind),
    )
    return ParSheet(unit=table.unit, tickets=table.tickets, odds=tuple(odds), tickets_by_pay=dict(by_pay))


def _combinations(table: Table) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield each ordered combination of symbols with the number of tickets that show it."""
    for stops in product(table.symbols, repeat=REELS):
        yield tuple(symbol.name for symbol in stops), prod(symbol.weight for symbol in stops)


def kind_of(table: Table, symbols: tuple[str, ...]) -> str:
    """Return the name of the highest award that these symbols win."""
    first = symbols[0]
    if len(set(symbols)) == 1:
        return f"three_{first}"
    if table.mixed_of.issuperset(symbols):
        return "mixed"
    return next(f"pair_{name}" for name in table.pair_pays if symbols.count(name) == 2)
