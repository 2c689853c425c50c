"""What the page of a paytable shows: its figures, where its return comes from, and the same of the active one."""

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from slots.models import Paytable, PaytableStatus
from slots.par import Odds, ParSheet
from slots.services.paytables import par_of

BAR_WIDTH = 200
MINUS = "\u2212"


@dataclass(frozen=True)
class FigureRow:
    """One exact figure, rounded for reading, and that of the active table."""

    title: str
    text: str
    exact: str
    active: str


@dataclass(frozen=True)
class KindRow:
    """What one kind of line pays and returns, in this table and in the active one. Bars are widths in SVG units."""

    kind: str
    weight: str
    pay: str
    active_pay: str
    change: str
    share: str
    active_share: str
    bar: int
    active_bar: int


@dataclass(frozen=True)
class Sheet:
    """A paytable beside the active one. ``active`` is None where it is the active one itself, or none is."""

    tickets: int
    unit: int
    figures: tuple[FigureRow, ...]
    kinds: tuple[KindRow, ...]
    active: Paytable | None
    changed: int
    same_reels: bool


def sheet_of(paytable: Paytable) -> Sheet:
    """Compare a paytable with the active one (one statement)."""
    active = Paytable.objects.filter(status=PaytableStatus.ACTIVE).exclude(pk=paytable.pk).first()
    par, other = par_of(paytable.canonical), par_of(active.canonical) if active else None
    kinds = _kinds(paytable, par, other)
    return Sheet(
        tickets=par.tickets,
        unit=par.unit,
        figures=_figures(par, other),
        kinds=kinds,
        active=active,
        changed=sum(row.change != "same" for row in kinds),
        same_reels=active is not None and _reels(active) == _reels(paytable),
    )


def _figures(par: ParSheet, other: ParSheet | None) -> tuple[FigureRow, ...]:
    def row(title: str, text: Any, exact: Any) -> FigureRow:
        return FigureRow(title, text(par), str(exact(par)), text(other) if other else "")

    return (
        row("Return to player", lambda p: f"{hundredths(p.rtp * 100)} %", lambda p: p.rtp),
        row("Hit frequency", lambda p: f"{hundredths(p.hit_frequency * 100)} %", lambda p: p.hit_frequency),
        row("Variance", lambda p: hundredths(p.variance), lambda p: p.variance),
        row("Deviation", lambda p: f"{math.sqrt(p.variance):.2f} bets a spin", lambda p: f"√({p.variance})"),
        row("Top award", lambda p: f"1 in {round(1 / p.top_award_odds):,}", lambda p: p.top_award_odds),
        row(
            "Losses shown as wins",
            lambda p: f"{hundredths(Fraction(100 * p.loss_disguised_as_win_tickets, p.tickets))} %",
            lambda p: f"{p.loss_disguised_as_win_tickets} of {p.tickets} tickets",
        ),
    )


def _kinds(paytable: Paytable, par: ParSheet, other: ParSheet | None) -> tuple[KindRow, ...]:
    mine, theirs = {row.kind: row for row in par.odds}, {row.kind: row for row in other.odds} if other else {}
    widest = max(_share(row) / table.unit for table in (par, other) if table for row in table.odds)
    rules = json.loads(paytable.canonical)
    weights, reel = {each["s"]: each["w"] for each in rules["symbols"]}, sum(each["w"] for each in rules["symbols"])

    def row(kind: str) -> KindRow:
        new, old = mine.get(kind), theirs.get(kind)
        how, _, name = kind.partition("_")
        weight = weights.get(name)
        share = _share(new) / par.unit if new else Fraction(0)
        active_share = _share(old) / other.unit if old and other else Fraction(0)
        return KindRow(
            kind={"three": f"Three of {name}", "pair": f"Two of {name}", "mixed": "Mixed"}[how],
            weight=f"{weight} of {reel}" if how == "three" and weight else "",
            pay=f"{new.pay:,}" if new else "none",
            active_pay=f"{old.pay:,}" if old else "none" if other else "",
            change=_change(new.pay if new else 0, old.pay if old else 0) if other else "same",
            share=hundredths(share * 100),
            active_share=hundredths(active_share * 100) if other else "",
            bar=round(BAR_WIDTH * share / widest),
            active_bar=round(BAR_WIDTH * active_share / widest),
        )

    return tuple(row(kind) for kind in dict.fromkeys((*mine, *theirs)))


def _share(row: Odds) -> Fraction:
    """What a kind returns of one bet, times the table's unit."""
    return Fraction(row.pay * row.tickets, row.of)


def _change(pay: int, active: int) -> str:
    if pay == active:
        return "same"
    return f"+{pay - active:,}" if pay > active else f"{MINUS}{active - pay:,}"


def _reels(paytable: Paytable) -> list[tuple[str, int]]:
    return [(each["s"], each["w"]) for each in json.loads(paytable.canonical)["symbols"]]


def hundredths(value: Fraction) -> str:
    """A fraction with two decimals: "95.00"."""
    rounded = round(value * 100)
    return f"{rounded // 100:,}.{rounded % 100:02d}"
