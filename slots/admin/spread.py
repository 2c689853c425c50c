"""The volatility of a paytable as its page shows it: the index of PAR sheets, and where 100 spins end, as shapes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from slots import volatility
from slots.admin.charts import Text
from slots.models import Paytable
from slots.par import ParSheet
from slots.services.paytables import par_of
from slots.volatility import NetPoints

MINUS = "\u2212"
WIDTH, LEFT, RIGHT = 450, 40, 70
"""Of the chart in SVG units; at both ends is room for the words beside a bar."""
ROW_HEIGHT, BAR_HEIGHT, TOP = 86, 28, 8
HANDLES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
"""The numbers of spins that PAR sheets give the range of the return for."""


@dataclass(frozen=True)
class Spread:
    """One paytable's bar: ``look`` is its class; the tint from ``x`` is ``width`` wide, the solid part inside it."""

    look: str
    title: str
    y: int
    x: float
    width: float
    inner_x: float
    inner_width: float
    median_x: float
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class RangeRow:
    """Where the return lies after so many spins, 90 times in 100, in per cent."""

    spins: int
    this: str
    active: str


@dataclass(frozen=True)
class Volatility:
    """Deviation and index in words. Without ``bars`` the distribution has too many steps to be counted."""

    deviation: str
    index: str
    spins: int
    height: int
    ticks: tuple[Text, ...]
    bars: tuple[Spread, ...]
    label: str
    foot: str
    ranges: tuple[RangeRow, ...]


def volatility_of(paytable: Paytable, active: Paytable | None) -> Volatility:
    """Compute what the page shows of a paytable beside the active one; None where it is the active one itself."""
    par, other = par_of(paytable.canonical), par_of(active.canonical) if active else None
    own = net_points(paytable.canonical)
    found = [("Active", "was", net_points(active.canonical))] if active else []
    found.append(("This table", "now", own))
    known = [(title, look, net) for title, look, net in found if net is not None]
    scale = _Scale([net for _, _, net in known])
    return Volatility(
        deviation=f"σ {volatility.deviation(par):.2f} bets a spin{_active(volatility.deviation, other)}",
        index=f"{volatility.index(par):.2f}{_active(volatility.index, other)}",
        spins=volatility.SPINS,
        height=TOP + ROW_HEIGHT * len(known) + 20,
        ticks=tuple(Text(scale.x(value), 0, signed(value)) for value in scale.ticks),
        bars=tuple(_bar(scale, place, *each) for place, each in enumerate(known)),
        label="; ".join(f"{title}: {signed(net.low)} to {signed(net.high)}" for title, _, net in known),
        foot=", ".join(f"{title.lower()} {round(100 * net.ahead)} of 100" for title, _, net in reversed(known)),
        ranges=tuple(
            RangeRow(
                spins,
                _range(*volatility.return_range(par, spins)),
                _range(*volatility.return_range(other, spins)) if other else "",
            )
            for spins in HANDLES
        ),
    )


@lru_cache(maxsize=64)
def net_points(canonical: str) -> NetPoints | None:
    """Compute where 100 spins end, once per process: paytables never change."""
    return volatility.net_points(par_of(canonical))


def signed(value: int) -> str:
    """1250 → +1,250, with U+2212 for a minus."""
    return f"{value:+,}".replace("-", MINUS) if value else "0"


def _active(figure: Callable[[ParSheet], float], other: ParSheet | None) -> str:
    return f", active {figure(other):.2f}" if other else ""


def _range(low: float, high: float) -> str:
    return f"{100 * low:.2f} to {100 * high:.2f} %"


class _Scale:
    """Points as places of the chart: the same distance on both sides of 0, in round ticks."""

    def __init__(self, found: Sequence[NetPoints]) -> None:
        most = max((max(abs(net.low), abs(net.high)) for net in found), default=1) or 1
        size = 10 ** (len(str(most)) - 1)
        half = next(size * times for times in (1, 2, 4, 5, 8, 10) if size * times >= most)
        self.half: int = half
        self.ticks = [-half, -half // 2, 0, half // 2, half]

    def x(self, value: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (value + self.half) / (2 * self.half), 1)


def _bar(scale: _Scale, place: int, title: str, look: str, net: NetPoints) -> Spread:
    top = TOP + ROW_HEIGHT * place
    y, below = top + 18, top + 18 + BAR_HEIGHT + 18
    x, end, inner, inner_end, median = (
        scale.x(value) for value in (net.low, net.high, net.lower, net.upper, net.median)
    )
    return Spread(
        look=look,
        title=title,
        y=y,
        x=x,
        width=round(end - x, 1),
        inner_x=inner,
        inner_width=round(inner_end - inner, 1),
        median_x=median,
        texts=(
            Text(x, top + 12, title),
            Text(end + 6, y + 18, signed(net.high)),
            Text(x, below, signed(net.low)),
            Text(max(median, x + 56), below, signed(net.median), "middle"),
        ),
    )
