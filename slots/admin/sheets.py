"""What the page of a paytable shows: its figures, where its return comes from, and the same of the active one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from slots.admin.spread import Volatility, signed, volatility_of
from slots.draw import Table
from slots.models import Paytable, PaytableStatus
from slots.par import Odds, ParSheet
from slots.services.paytables import par_of, table_of
from slots.words import alike_text, plural

BAR_WIDTH = 200


@dataclass(frozen=True)
class FigureRow:
    """One exact figure, rounded for reading, and that of the active table."""

    title: str
    text: str
    exact: str
    active: str


@dataclass(frozen=True)
class KindRow:
    """What one kind of line pays and returns, in this table and in the active one. Bars are widths in SVG units.

    ``symbol`` is the picture beside ``title``. ``change`` says what differs; ``is_changed`` also for another weight.
    """

    words: str
    title: str
    symbol: str
    weight: str
    active_weight: str
    pay: str
    active_pay: str
    change: str
    is_changed: bool
    share: str
    active_share: str
    bar: int
    active_bar: int


@dataclass(frozen=True)
class Sheet:
    """A paytable beside the active one. ``active`` is None where it is the active one itself, or none is."""

    tickets: int
    unit: int
    rtp: str
    figures: tuple[FigureRow, ...]
    kinds: tuple[KindRow, ...]
    volatility: Volatility
    active: Paytable | None
    changed: int
    same_reels: bool

    @property
    def kinds_count(self) -> int:
        return len(self.kinds)

    @property
    def by_share(self) -> list[KindRow]:
        """The kinds, that which returns most first."""
        return sorted(self.kinds, key=lambda row: (row.bar == 0, -row.bar, -row.active_bar))


@dataclass(frozen=True)
class _Rules:
    """A paytable's rules and figures as this page compares them."""

    table: Table
    par: ParSheet

    @property
    def odds(self) -> dict[str, Odds]:
        return {row.kind: row for row in self.par.odds}

    @property
    def weights(self) -> dict[str, int]:
        return {symbol.name: symbol.weight for symbol in self.table.symbols}

    @property
    def mix(self) -> list[str]:
        """The symbols of the mix, in the order of the reel."""
        return [symbol.name for symbol in self.table.symbols if symbol.name in self.table.mixed_of]


def sheet_of(paytable: Paytable) -> Sheet:
    """Compare a paytable with the active one (one statement)."""
    active = Paytable.objects.filter(status=PaytableStatus.ACTIVE).exclude(pk=paytable.pk).first()
    this, other = _rules(paytable), _rules(active) if active else None
    kinds = _kinds(this, other)
    return Sheet(
        tickets=this.par.tickets,
        unit=this.par.unit,
        rtp=percent(this.par.rtp),
        figures=_figures(this.par, other.par if other else None),
        kinds=kinds,
        volatility=volatility_of(paytable, active),
        active=active,
        changed=sum(row.change != "same" for row in kinds),
        same_reels=other is not None and other.weights == this.weights,
    )


def _rules(paytable: Paytable) -> _Rules:
    return _Rules(table_of(paytable.canonical), par_of(paytable.canonical))


def _figures(par: ParSheet, other: ParSheet | None) -> tuple[FigureRow, ...]:
    def row(title: str, text: Callable[[ParSheet], str], exact: object) -> FigureRow:
        active = text(other) if other else ""
        return FigureRow(title, text(par), str(exact), "the same" if active == text(par) else active)

    return (
        row("Return to player", lambda p: percent(p.rtp), par.rtp),
        row("Hit frequency", lambda p: percent(p.hit_frequency), par.hit_frequency),
        row("Variance", lambda p: f"{float(p.variance):,.3f}", par.variance),
        row("Top award", lambda p: f"1 in {round(1 / p.top_award_odds):,}", par.top_award_odds),
        row("Losses shown as wins", _losses, f"{par.loss_disguised_as_win_tickets} of {par.tickets} tickets"),
    )


def _losses(par: ParSheet) -> str:
    lost = par.loss_disguised_as_win_tickets
    return percent(Fraction(lost, par.tickets)) if lost else "None"


def _kinds(this: _Rules, other: _Rules | None) -> tuple[KindRow, ...]:
    kinds = dict.fromkeys((*this.odds, *(other.odds if other else ())))
    shares = [_share(row, rules.par) for rules in (this, other) if rules for row in rules.par.odds]
    rows = {kind: _kind(kind, this, other, max(shares)) for kind in kinds}
    first = [kind for symbol in this.table.symbols if (kind := f"three_{symbol.name}") in rows]
    return tuple(rows[kind] for kind in (*first, *(kind for kind in kinds if kind not in first)))


def _kind(kind: str, this: _Rules, other: _Rules | None, widest: Fraction) -> KindRow:
    new, old = this.odds.get(kind), other.odds.get(kind) if other else None
    how, _, name = kind.partition("_")
    mix = (this if new or not other else other).mix
    weight = _weight(this, name) if how == "three" else ""
    active_weight = _weight(other, name) if how == "three" and other else ""
    share = _share(new, this.par) if new else Fraction(0)
    active_share = _share(old, other.par) if old and other else Fraction(0)
    change = _change(kind, this, other) if other else "same"
    return KindRow(
        words=(alike_text(kind) or ", ".join(mix)).capitalize(),
        title=_title(how, name, mix).capitalize(),
        symbol=name or mix[0],
        weight=weight,
        active_weight=active_weight,
        pay=f"{new.pay:,}" if new else "none",
        active_pay=f"{old.pay:,}" if old else "none" if other else "",
        change=change,
        is_changed=change != "same" or (other is not None and weight != active_weight),
        share=hundredths(share * 100) if new else "–",
        active_share="" if other is None else hundredths(active_share * 100) if old else "–",
        bar=round(BAR_WIDTH * share / widest),
        active_bar=round(BAR_WIDTH * active_share / widest),
    )


def _title(how: str, name: str, mix: Sequence[str]) -> str:
    return {"three": name, "pair": f"two {plural(name)} anywhere"}.get(how, f"any three of {', '.join(mix)}")


def _weight(rules: _Rules, name: str) -> str:
    weight = rules.weights.get(name)
    return f"{weight} of {rules.table.reel}" if weight else ""


def _share(row: Odds, par: ParSheet) -> Fraction:
    """What a kind returns of a point staked."""
    return Fraction(row.pay * row.tickets, row.of * par.unit)


def _change(kind: str, this: _Rules, other: _Rules) -> str:
    new, old = this.odds.get(kind), other.odds.get(kind)
    if not new or not old:
        return "added" if new else "removed"
    if kind == "mixed" and this.mix != other.mix:
        return f"was of {', '.join(other.mix)}"
    return "same" if new.pay == old.pay else signed(new.pay - old.pay)


def percent(value: Fraction) -> str:
    """A share with two decimals at most: "95 %", "24.19 %"."""
    return f"{hundredths(value * 100).removesuffix('.00')} %"


def hundredths(value: Fraction) -> str:
    """A fraction with two decimals: "95.00"."""
    rounded = round(value * 100)
    return f"{rounded // 100:,}.{rounded % 100:02d}"
