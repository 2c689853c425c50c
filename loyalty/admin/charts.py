"""The chart of operations every five minutes, as shapes in SVG units. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from loyalty.services.overview import Slot

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 640, 220, 44, 10, 26
TICKS = (0, 0.5, 1)


@dataclass(frozen=True)
class Bar:
    """One column as two paths: operations asked for once, and above them those asked for more than once."""

    once: str
    again: str


@dataclass(frozen=True)
class Tick:
    y: float
    text: str


@dataclass(frozen=True)
class CallsChart:
    """The bars with their words; ``rows`` are the numbers behind them."""

    label: str
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    first: str
    last: str
    rows: tuple[tuple[str, int, int], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT


def calls_chart(slots: Sequence[Slot]) -> CallsChart:
    most = _round_up(max((each.count for each in slots), default=0))
    room, step = HEIGHT - TOP - BOTTOM, (WIDTH - LEFT) / max(len(slots), 1)
    bars = []
    for place, each in enumerate(slots):
        left, foot, head = LEFT + (place + 0.15) * step, HEIGHT - BOTTOM, room * each.count / most
        again = room * each.asked_again / most
        bars.append(
            Bar(
                once=_box(left, foot - head + again, step * 0.7, head - again),
                again=_box(left, foot - head, step * 0.7, again),
            )
        )
    total, again_total = sum(each.count for each in slots), sum(each.asked_again for each in slots)
    return CallsChart(
        label=f"Operations of the last two hours by five minutes: {total:,}, of which {again_total:,} were asked for "
        "again or have no answer.",
        bars=tuple(bars),
        ticks=tuple(Tick(round(HEIGHT - BOTTOM - room * share, 1), f"{most * share:,.0f}") for share in TICKS),
        first=f"{slots[0].at:%H:%M}" if slots else "",
        last=f"{slots[-1].at:%H:%M}" if slots else "",
        rows=tuple((f"{each.at:%H:%M}", each.count - each.asked_again, each.asked_again) for each in slots),
    )


def _box(left: float, top: float, width: float, height: float) -> str:
    return f"M{left:.1f} {top:.1f}h{width:.1f}v{height:.1f}h-{width:.1f}Z"


def _round_up(count: int) -> int:
    """The next even number of one digit and zeros, at least 2."""
    size: int = 10 ** (len(str(max(count, 1))) - 1)
    return max(2, next(size * times for times in (1, 2, 4, 6, 8, 10) if size * times >= count))
