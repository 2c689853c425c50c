"""The charts of the slot machine's statistics."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from compliance.services import RefusalCount
from slots.admin import charts
from slots.admin.charts import Chart, Path, Plot, Text, counted
from slots.drift import DISABLE_AT, WARN_AT
from slots.expected import Z99, Expectation
from slots.services import Stats
from slots.services.figures import KindFigures, TableDay
from slots.words import alike_text

DASHES = (("warn", float(WARN_AT)), ("stop", float(DISABLE_AT)))
HALF_RANGE, HALF_ROW = 60, 78
"""Half of a kind's range, and half of its row: what lies further out is drawn at the edge."""
BAR_WIDTH = 120
GATES = {
    "role": "Role",
    "game_enabled": "Game closed",
    "excluded": "Excluded or timed out",
    "age": "Age",
    "jurisdiction": "Jurisdiction",
    "terms": "Terms",
    "paytable": "Paytable changed",
    "commitment": "Commitment stale",
    "bet": "Bet",
    "reality_check": "Reality check due",
    "too_fast": "Too fast",
    "hourly_limit": "Hourly limit",
    "spending_limit": "Spending limit",
    "balance": "Balance",
}


@dataclass(frozen=True)
class Cumulated:
    """The return of one paytable from its first day in the span to this one, and what is expected of so many spins."""

    place: int
    day: date
    spins: int
    paid: int
    expectation: Expectation

    @property
    def actual(self) -> float:
        return self.paid / self.expectation.staked

    def band(self, z: float = Z99) -> tuple[float, float]:
        low, high = self.expectation.band(z) or (0.0, 0.0)
        return low, high


def series_of(stats: Stats) -> dict[UUID, list[Cumulated]]:
    """The cumulated return of each paytable; a change of table starts a new line."""
    lines: dict[UUID, list[TableDay]] = defaultdict(list)
    for line in stats.lines:
        lines[line.paytable_id].append(line)
    return {paytable_id: list(_cumulated(stats, of_table)) for paytable_id, of_table in lines.items()}


def _cumulated(stats: Stats, lines: Sequence[TableDay]) -> Iterable[Cumulated]:
    par, spins, paid, expectation = stats.paytables[lines[0].paytable_id].par, 0, 0, Expectation()
    for line in lines:
        spins, paid = spins + line.spins, paid + line.paid
        expectation += Expectation.of(par, spins=line.spins, staked=line.staked)
        yield Cumulated((line.day - stats.first).days, line.day, spins, paid, expectation)


def return_chart(stats: Stats, verdict: str, look: str) -> Chart:
    """The actual return against the expected one, with its 99 % band and where a look warns and closes the machine."""
    series = series_of(stats)
    plot = _return_plot(stats, list(series.values()))
    paths, dots, texts = list[Path](), list[charts.Point](), list[Text]()
    for points in series.values():
        paths += _return_paths(plot, points)
        last = points[-1]
        dots.append((plot.x(last.place), plot.y(100 * last.actual)))
    longest = max(series.values(), key=lambda points: points[-1].spins, default=[])
    texts += _edge_texts(plot, longest[-1]) if longest else []
    titles = {paytable_id: stats.paytables[paytable_id].title for paytable_id in series}
    actual = f"actual {percent(stats.rtp)}, expected {percent(stats.expected_rtp)}" if stats.staked else "no spins"
    return Chart(
        name="return",
        title=f"Actual return against {percent(stats.expected_rtp)}" if stats.staked else "Actual return",
        aside=verdict,
        aside_look=look,
        label=f"Return since {charts.day_text(stats.first)}: {actual}",
        headings=("Day", "Paytable", "Spins so far", "Return %", "Expected %", "99 % from", "99 % to", "z"),
        rows=tuple(
            (each.day, titles[paytable_id], each.spins, *_return_cells(each))
            for paytable_id, points in series.items()
            for each in points
        ),
        foot="Each line adds up from its first day here. Looks are 10,000 spins apart; at z 4.4 the machine closes.",
        key=(("actual", "actual"), ("declared", "expected"), ("band", "99 % band")),
        grid=plot.grid(" %"),
        texts=(*plot.day_texts(), *texts),
        paths=tuple(paths),
        dots=tuple(dots),
        wide=True,
        right=plot.right,
    )


def _return_plot(stats: Stats, series: Sequence[Sequence[Cumulated]]) -> Plot:
    """A frame around the expected return, in per cent, that holds the last points and their bands."""
    days, right = [each.day for each in stats.days], charts.WIDTH - charts.LABELS
    if not series:
        return Plot(days, 90, 100, right=right)
    ends = [points[-1] for points in series]
    edges = [value for each in ends for value in (*each.band(1.9 * float(DISABLE_AT)), each.actual)]
    low, high = max(0.0, 100 * min(edges)), 100 * max(edges)
    return Plot(days, low, max(high, low + 1), right=right)


def _return_paths(plot: Plot, points: Sequence[Cumulated]) -> list[Path]:
    def at(each: Cumulated, value: float) -> tuple[int, float]:
        return each.place, 100 * value

    bands = [(each.place, 100 * each.band()[0], 100 * each.band()[1]) for each in points]
    sides = [(look, z, side) for look, z in DASHES for side in (0, 1)]
    return [
        plot.area("band", bands),
        *(plot.line(look, [at(each, each.band(z)[side]) for each in points]) for look, z, side in sides),
        plot.line("declared", [at(each, float(each.expectation.rtp or 0)) for each in points]),
        plot.line("actual", [at(each, each.actual) for each in points]),
    ]


def _edge_texts(plot: Plot, last: Cumulated) -> list[Text]:
    """Words at the right edge, from above: where it closes and warns, then the return; no two in one line."""
    words = [
        (100 * last.band(float(DISABLE_AT))[1], "stop, z 4.4"),
        (100 * last.band(float(WARN_AT))[1], "warn, z 3.3"),
        (100 * last.actual, f"{percent(last.actual)} actual"),
        (100 * float(last.expectation.rtp or 0), f"{percent(last.expectation.rtp)} expected"),
    ]
    texts, above = [], -100.0
    for value, text in sorted(words, reverse=True):
        above = max(plot.y(value) + 4, above + 15, 14)
        texts.append(Text(plot.right + 8, above, text))
    return texts


def _return_cells(each: Cumulated) -> tuple[str, ...]:
    low, high = each.band()
    z = each.expectation.z(each.paid)
    values = (each.actual, float(each.expectation.rtp or 0), max(low, 0.0), high)
    return (*(f"{100 * value:.2f}" for value in values), "–" if z is None else f"{z:+.2f}")


def percent(value: Any) -> str:
    """A share as per cent: "95.7 %"."""
    return "–" if value is None else f"{round(100 * float(value), 2):g} %"


def spins_chart(stats: Stats, today: date) -> Chart:
    """Spins a day; a day that is not over is pale."""
    plot = counted([each.day for each in stats.days], [each.spins for each in stats.days])
    most = max(stats.days, key=lambda each: each.spins)
    return Chart(
        name="days",
        title="Spins a day",
        aside=_today(stats, today, lambda each: f"{each.spins:,} today so far"),
        label=f"Spins a day: {stats.spins:,} in all, {most.spins:,} at most, on {charts.day_text(most.day)}",
        headings=("Day", "Spins", "Players", "Staked", "Paid"),
        rows=tuple((each.day, each.spins, each.players, each.staked, each.paid) for each in stats.days),
        grid=plot.grid(),
        texts=plot.day_texts(),
        bars=tuple(
            plot.bar(place, each.spins, "bar part" if each.day == today else "bar")
            for place, each in enumerate(stats.days)
            if each.spins
        ),
    )


def players_chart(stats: Stats, today: date) -> Chart:
    """Spins per player and day."""
    values = [each.spins / each.players if each.players else None for each in stats.days]
    return _line_chart(
        "players",
        "Spins per player and day",
        _today(stats, today, lambda each: f"{each.players:,} players today"),
        [each.day for each in stats.days],
        values,
        headings=("Day", "Players", "Spins per player"),
        rows=tuple(
            (each.day, each.players, None if value is None else f"{value:.1f}")
            for each, value in zip(stats.days, values, strict=True)
        ),
    )


def circulation_chart(days: Sequence[date], points: Mapping[date, int], now: int) -> Chart:
    """Points in all wallets at the end of each day."""
    return _line_chart(
        "circulation",
        "Points in circulation",
        f"{now:,} now",
        days,
        [points.get(day) for day in days],
        headings=("Day", "Points at its end"),
        rows=tuple((day, points.get(day)) for day in days),
    )


def _line_chart(
    name: str, title: str, aside: str, days: Sequence[date], values: Sequence[float | None], **numbers: Any
) -> Chart:
    """A line of a value a day; a day without one breaks it."""
    plot = counted(days, values)
    runs: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((place, value))
    known = [run for run in runs if run]
    ends = [_end_text(plot, *run[-1]) for run in known[-1:]]
    return Chart(
        name=name,
        title=title,
        aside=aside,
        label=f"{title}, {charts.day_text(days[0])} to {charts.day_text(days[-1])}: {aside or 'not measured yet'}",
        grid=plot.grid(),
        texts=(*plot.day_texts(), *ends),
        paths=tuple(plot.line("actual", run) for run in known),
        dots=tuple((plot.x(run[-1][0]), plot.y(run[-1][1])) for run in known),
        **numbers,
    )


def _end_text(plot: Plot, place: int, value: float) -> Text:
    """A line's last value, above and left of its dot, inside the frame."""
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return Text(plot.x(place) - 8, max(plot.y(value) - 10, charts.TOP + 14), text, "end")


def _today(stats: Stats, today: date, words: Any) -> str:
    return next((words(each) for each in stats.days if each.day == today), "")


@dataclass(frozen=True)
class KindRow:
    """A kind's hits beside what is expected. Places are SVG units from the left of a row ``2 * HALF_ROW`` wide."""

    title: str
    hits: int
    expected: str
    low: str
    high: str
    is_inside: bool
    left: float
    width: float
    at: float


def kind_row(each: KindFigures) -> KindRow:
    low, high = each.expectation.range()
    mean = float(each.expected)
    widest = max(mean - low, high - mean) or 1.0

    def place(value: float) -> float:
        return round(HALF_ROW + min(max((value - mean) / widest * HALF_RANGE, 6 - HALF_ROW), HALF_ROW - 6), 1)

    return KindRow(
        title=kind_title(each.kind),
        hits=each.hits,
        expected=_hits(mean),
        low=_hits(low),
        high=_hits(high),
        is_inside=low <= each.hits <= high,
        left=place(low),
        width=round(place(high) - place(low), 1),
        at=place(each.hits),
    )


def kind_title(kind: str) -> str:
    return (alike_text(kind) or kind).capitalize()


def _hits(value: float) -> str:
    if 0 < value < 0.01:
        return "under 0.01"
    return f"{value:,.0f}" if value >= 20 or value == int(value) else f"{value:.2g}"


@dataclass(frozen=True)
class RefusalRow:
    title: str
    refusals: int
    bar: float


def refusals_by_gate(counts: Sequence[RefusalCount]) -> list[RefusalRow]:
    return _bars((GATES.get(each.gate, each.gate), each.refusals) for each in counts)


def refusals_by_policy(counts: Sequence[RefusalCount]) -> list[RefusalRow]:
    return _bars((policy_title(each.policy_version), each.refusals) for each in counts)


def policy_title(version: str) -> str:
    return f"Policy version {version}" if version != "0" else "No policy of the region"


def _bars(named: Iterable[tuple[str, int]]) -> list[RefusalRow]:
    sums: dict[str, int] = defaultdict(int)
    for title, count in named:
        sums[title] += count
    most = max(sums.values(), default=1)
    ordered = sorted(sums.items(), key=lambda each: (-each[1], each[0]))
    return [RefusalRow(title, count, max(1.0, round(BAR_WIDTH * count / most, 1))) for title, count in ordered]
