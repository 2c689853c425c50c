"""Charts of the back office as shapes in SVG units, drawn by a template, their numbers as rows of a table. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 26
LABELS = 96
"""Room for the words at the right edge."""
TICKS = 4
Point = tuple[float, float]


@dataclass(frozen=True)
class Text:
    """Words at a place of a chart."""

    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass(frozen=True)
class Path:
    """A line or an area; ``look`` is its class in the style sheet."""

    look: str
    d: str


@dataclass(frozen=True)
class Chart:
    """A chart and its numbers. ``label`` says for screen readers what it shows; ``key`` are classes and their words.

    ``aside_look`` is the class of the words beside the title.
    """

    name: str
    title: str
    aside: str
    label: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    aside_look: str = ""
    foot: str = ""
    key: tuple[tuple[str, str], ...] = ()
    grid: tuple[Text, ...] = ()
    texts: tuple[Text, ...] = ()
    paths: tuple[Path, ...] = ()
    bars: tuple[Path, ...] = ()
    dots: tuple[Point, ...] = ()
    wide: bool = False
    right: float = WIDTH - RIGHT

    @property
    def shown(self) -> list[list[str]]:
        """The rows as they are read: numbers with separators."""
        return [[shown(cell) for cell in row] for row in self.rows]


def shown(cell: Any) -> str:
    """A cell's text: "–" for what is not known."""
    if cell is None:
        return "–"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


class Plot:
    """Places of days and values in a chart's frame."""

    def __init__(self, days: Sequence[date], low: float, high: float, *, right: float = WIDTH - RIGHT) -> None:
        self.days, self.low, self.high, self.right = days, low, high, right
        self.step = (right - LEFT) / max(len(days), 1)

    def x(self, place: int) -> float:
        """The middle of a day."""
        return round(LEFT + (place + 0.5) * self.step, 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def line(self, look: str, points: Sequence[tuple[int, float]]) -> Path:
        return Path(look, _path([(self.x(place), self.y(value)) for place, value in points]))

    def area(self, look: str, points: Sequence[tuple[int, float, float]]) -> Path:
        """The space between a lower and an upper line."""
        upper = [(self.x(place), self.y(high)) for place, _, high in points]
        lower = [(self.x(place), self.y(low)) for place, low, _ in reversed(points)]
        return Path(look, f"{_path([*upper, *lower])}Z")

    def bar(self, place: int, value: float, look: str = "bar") -> Path:
        width, top = max(self.step * 0.7, 0.8), self.y(value)
        left, height = self.x(place) - width / 2, HEIGHT - BOTTOM - top
        return Path(look, f"M{left:.1f} {top:g}h{width:.1f}v{height:.1f}h-{width:.1f}Z")

    def day_texts(self) -> tuple[Text, ...]:
        """The first and the last day, and some between where there is room."""
        last = len(self.days) - 1
        places = sorted({round(last * part / TICKS) for part in range(TICKS + 1)})
        return tuple(
            Text(self.x(place), HEIGHT - 8, day_text(self.days[place]), _anchor(place, last)) for place in places
        )

    def grid(self, unit: str = "") -> tuple[Text, ...]:
        """Lines at round values, with their words at the left edge."""
        return tuple(
            Text(LEFT - 8, self.y(value), f"{compact(value)}{unit}", "end")
            for value in _round_values(self.low, self.high)
        )


def counted(days: Sequence[date], values: Sequence[float | None]) -> Plot:
    """A frame from 0 to above the largest value."""
    most = max((value for value in values if value is not None), default=0)
    step = _step(most or TICKS)
    return Plot(days, 0, math.ceil((most or 1) / step) * step)


def day_text(day: date) -> str:
    return f"{day.day} {day:%b}"


def compact(value: float) -> str:
    """A round value in few letters: "8k", "1.5M", "0.5"."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _anchor(place: int, last: int) -> str:
    if not 0 < place < last:
        return "middle" if last == 0 else "start" if place == 0 else "end"
    return "middle"


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def _step(span: float) -> float:
    """A round step that divides a span into about ``TICKS`` parts."""
    size = 10.0 ** math.floor(math.log10(span / TICKS))
    return next(size * times for times in (1, 2, 2.5, 5, 10) if size * times * TICKS >= span * 0.999)


def _round_values(low: float, high: float) -> list[float]:
    step = _step(high - low)
    first = math.ceil(low / step - 1e-9)
    return [round(step * count, 9) for count in range(first, math.floor(high / step + 1e-9) + 1)]
