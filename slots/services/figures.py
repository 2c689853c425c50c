"""Figures of play for a span of days: what the rounds have counted, and what was played since.

Both come from one statement, whose snapshot has the mark of the rounds, the rows up to it and the spins after it: no
spin is missing or counted twice, whenever a round commits. At most ``MOST_SINCE`` spins are read after the mark, so
that a read stays bounded when the rounds have not run for long; the answer then says that it is partial.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from core.clock import db_now
from core.db import rows
from core.ids import NIL
from slots.expected import Expectation, KindExpectation
from slots.models import Paytable
from slots.par import ParSheet
from slots.services.counting import LOOK_BACK, NAME, SPINS, kinds_hit
from slots.services.paytables import par_of

MOST_DAYS = 366
USUAL_DAYS = 30
MOST_SINCE = 100_000

_SINCE = """
    SELECT * FROM slots_spin n WHERE n.id > (SELECT m.upto FROM mark m) ORDER BY n.id LIMIT %(most)s
"""
_READ = f"""
    WITH mark AS MATERIALIZED (
        SELECT coalesce((SELECT a.upto FROM slots_aggregated a WHERE a.name = %(name)s), %(nil)s) AS upto
    ), since AS MATERIALIZED (
        SELECT CASE WHEN m.upto = %(nil)s THEN m.upto ELSE {LOOK_BACK.format(first="m.upto")} END AS id FROM mark m
    ), spun AS MATERIALIZED ({SPINS.format(since="(SELECT b.id FROM since b)", spins=_SINCE)}
    ), lines AS MATERIALIZED (
        SELECT f.day, f.paytable_id, f.spins, f.players, f.staked, f.paid FROM slots_figure f
         WHERE f.day BETWEEN %(first)s AND %(last)s
        UNION ALL
        SELECT n.day, n.paytable_id, count(*), count(*) FILTER (WHERE n.is_first), sum(n.bet), sum(n.payout) FROM spun n
         WHERE n.day BETWEEN %(first)s AND %(last)s GROUP BY n.day, n.paytable_id
    ), mixed AS MATERIALIZED (
        SELECT l.day FROM lines l GROUP BY l.day HAVING count(DISTINCT l.paytable_id) > 1
    )
    SELECT 'line' AS what, l.day, l.paytable_id, NULL AS kind, NULL::text[] AS symbols, l.spins::bigint,
           l.players::bigint, l.staked::bigint, l.paid::bigint, 0::bigint AS hits FROM lines l
    UNION ALL
    SELECT 'hits', h.day, h.paytable_id, h.kind, NULL, 0, 0, 0, 0, h.hits FROM slots_hit h
     WHERE h.day BETWEEN %(first)s AND %(last)s
    UNION ALL
    SELECT 'shown', n.day, n.paytable_id, NULL, n.symbols, 0, 0, 0, 0, count(*) FROM spun n
     WHERE n.payout > 0 AND n.day BETWEEN %(first)s AND %(last)s GROUP BY n.day, n.paytable_id, n.symbols
    UNION ALL
    SELECT 'players', x.day, NULL, NULL, NULL, 0, (
        SELECT count(*) FROM slots_playday d WHERE d.day = x.day AND d.spins > 0) + (
        SELECT count(*) FROM spun n WHERE n.day = x.day AND n.prior_day IS DISTINCT FROM n.day), 0, 0, 0 FROM mixed x
    UNION ALL
    SELECT 'unread', NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0 WHERE EXISTS (
        SELECT 1 FROM slots_spin n WHERE n.id > (SELECT m.upto FROM mark m) OFFSET %(most)s)
"""  # noqa: S608  only fragments of this module and of `counting` are put in
"""A player of a day is counted with each paytable that he played with, so a day of several has a line of its own."""


@dataclass(frozen=True)
class TableDay:
    """One day of one paytable."""

    day: date
    paytable_id: UUID
    spins: int = 0
    players: int = 0
    staked: int = 0
    paid: int = 0


@dataclass(frozen=True)
class DayFigures:
    """One day: ``players`` are different people."""

    day: date
    spins: int = 0
    players: int = 0
    staked: int = 0
    paid: int = 0


@dataclass(frozen=True)
class KindFigures:
    """How often a kind of award was hit, and how often it is on average."""

    kind: str
    hits: int
    expectation: KindExpectation

    @property
    def expected(self) -> Fraction:
        return self.expectation.mean


@dataclass(frozen=True)
class Played:
    """A paytable that was played with in the span."""

    title: str
    declared: str
    par: ParSheet


@dataclass(frozen=True)
class Stats:
    """The figures of all days from ``first`` to ``last``, UTC. ``days`` has every one of them, oldest first.

    ``is_partial``: more than ``MOST_SINCE`` spins wait to be counted, and the newest of them are in no figure here.
    """

    first: date
    last: date
    expectation: Expectation
    kinds: tuple[KindFigures, ...]
    days: tuple[DayFigures, ...]
    lines: tuple[TableDay, ...]
    paytables: Mapping[UUID, Played]
    is_partial: bool = False

    @property
    def spins(self) -> int:
        return sum(each.spins for each in self.days)

    @property
    def staked(self) -> int:
        return sum(each.staked for each in self.days)

    @property
    def paid(self) -> int:
        return sum(each.paid for each in self.days)

    @property
    def rtp(self) -> Fraction | None:
        """Points paid per point staked; None if nothing was staked."""
        return Fraction(self.paid, self.staked) if self.staked else None

    @property
    def expected_rtp(self) -> Fraction | None:
        return self.expectation.rtp

    @property
    def band99(self) -> tuple[float, float] | None:
        return self.expectation.band()

    @property
    def z(self) -> float | None:
        return self.expectation.z(self.paid)


def usual_span(first: date | None, last: date | None) -> tuple[date, date]:
    """Fill in what is missing of a span: up to today by the database's clock (one statement), ``USUAL_DAYS`` long."""
    until = last or max(db_now().astimezone(UTC).date(), first or date.min)
    return first or until - min(timedelta(days=USUAL_DAYS - 1), until - date.min), until


def stats(*, first: date, last: date) -> Stats:
    """Return the figures of the days from ``first`` to ``last``, ``MOST_DAYS`` at most (three statements at most)."""
    if not 0 <= (last - first).days < MOST_DAYS:
        raise ValueError("a span is 1 to 366 days, the first not after the last")
    params = {"name": NAME, "nil": NIL, "most": MOST_SINCE, "first": first, "last": last}
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows(_READ, params):
        found[row["what"]].append(row)
    lines = _lines(found["line"])
    paytables = _played({line.paytable_id for line in lines})
    hits: Counter[str] = Counter()
    for (_, _, kind), count in kinds_hit(found["shown"]).items():
        hits[kind] += count
    for row in found["hits"]:
        hits[row["kind"]] += row["hits"]
    return Stats(
        first=first,
        last=last,
        expectation=expectation_of(lines, paytables),
        kinds=_kinds(lines, paytables, hits),
        days=_days(first, last, lines, {row["day"]: row["players"] for row in found["players"]}),
        lines=lines,
        paytables=paytables,
        is_partial=bool(found["unread"]),
    )


def expectation_of(lines: Sequence[TableDay], paytables: Mapping[UUID, Played]) -> Expectation:
    """Add up what lines return on average, each by its own paytable."""
    known = [(paytables[line.paytable_id].par, line) for line in lines]
    return sum((Expectation.of(par, spins=line.spins, staked=line.staked) for par, line in known), Expectation())


def _lines(found: Sequence[Mapping[str, Any]]) -> tuple[TableDay, ...]:
    """Join what was counted and what came since, by day and paytable."""
    sums: dict[tuple[date, UUID], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in found:
        line = sums[row["day"], row["paytable_id"]]
        for place, name in enumerate(("spins", "players", "staked", "paid")):
            line[place] += row[name]
    return tuple(TableDay(*key, *sums[key]) for key in sorted(sums))


def _days(
    first: date, last: date, lines: Sequence[TableDay], players_of_mixed: Mapping[date, int]
) -> tuple[DayFigures, ...]:
    by_day: dict[date, list[TableDay]] = defaultdict(list)
    for line in lines:
        by_day[line.day].append(line)
    return tuple(
        DayFigures(
            day=day,
            spins=sum(line.spins for line in by_day[day]),
            players=players_of_mixed.get(day, sum(line.players for line in by_day[day])),
            staked=sum(line.staked for line in by_day[day]),
            paid=sum(line.paid for line in by_day[day]),
        )
        for day in (first + timedelta(days=after) for after in range((last - first).days + 1))
    )


def _kinds(
    lines: Sequence[TableDay], paytables: Mapping[UUID, Played], hits: Mapping[str, int]
) -> tuple[KindFigures, ...]:
    """Every kind that the paytables of the span award or that was hit, the likeliest first."""
    expected: dict[str, KindExpectation] = defaultdict(KindExpectation)
    spins: Counter[UUID] = Counter()
    for line in lines:
        spins[line.paytable_id] += line.spins
    for paytable_id, count in spins.items():
        for odds in paytables[paytable_id].par.odds:
            expected[odds.kind] += KindExpectation.of(spins=count, chance=Fraction(odds.tickets, odds.of))
    kinds = [KindFigures(kind, hits.get(kind, 0), expected[kind]) for kind in dict.fromkeys((*expected, *hits))]
    return tuple(sorted(kinds, key=lambda each: (-each.expected, each.kind)))


def _played(ids: set[UUID]) -> dict[UUID, Played]:
    found = Paytable.objects.filter(pk__in=ids)
    return {each.pk: Played(str(each), each.declared_rtp, par_of(each.canonical)) for each in found}
