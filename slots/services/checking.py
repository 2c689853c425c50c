"""The nightly comparison of figures of play with what the players' slot states say. Nothing is corrected.

A state has its player's running totals, written in the transaction of each spin. The figures are counted later, by
rounds (``slots.services.counting``), and so may be wrong where those are. In one snapshot: what the states say, less
the spins after the mark of the rounds, must be what the days of play say of each player; the days of all players what
the figures of that day say; the hits of each kind times what it pays what the figure of that day and paytable paid; and
the count of each paytable's return what its figures say, or its spins since a return has closed the machine, as long as
these are all stored.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from compliance import services as compliance
from compliance.services import MarkerKind
from core.db import array, command, rows
from core.ids import NIL
from escrow.services import snapshot
from slots.models import Aggregated, FigureCheck, Game, Paytable
from slots.services import counting, watching
from slots.services.detaching import is_detached
from slots.services.paytables import GAME, par_of

MOST_NAMED = 100
"""So many differences of each kind are named; more are counted by the next check, once these are gone."""
MOST_CHARS = 300
log = structlog.get_logger()

_COUNTED = "coalesce(c.spins, 0), coalesce(c.staked, 0), coalesce(c.paid, 0)"
_SAID = """coalesce(t.nonce, 0) - coalesce(n.spins, 0), coalesce(t.staked_total, 0) - coalesce(n.staked, 0),
           coalesce(t.paid_total, 0) - coalesce(n.paid, 0)"""
_PLAYERS = f"""
    WITH since AS MATERIALIZED (
        SELECT s.user_id, count(*) AS spins, sum(s.bet) AS staked, sum(s.payout) AS paid FROM slots_spin s
         WHERE s.id > %(counted)s GROUP BY s.user_id
    ), counted AS MATERIALIZED (
        SELECT d.user_id, sum(d.spins) AS spins, sum(d.staked) AS staked, sum(d.paid) AS paid FROM slots_playday d
         GROUP BY d.user_id
    )
    SELECT coalesce(t.user_id, c.user_id)::text AS subject, ARRAY[{_COUNTED}]::bigint[] AS counted,
           ARRAY[{_SAID}]::bigint[] AS said
      FROM slots_slotstate t FULL JOIN counted c ON c.user_id = t.user_id
      LEFT JOIN since n ON n.user_id = coalesce(t.user_id, c.user_id)
     WHERE ({_COUNTED}) IS DISTINCT FROM ({_SAID})
     ORDER BY 1 LIMIT %(most)s
"""  # noqa: S608  only fragments of this module are put in
_DAYS = """
    WITH counted AS (
        SELECT f.day, sum(f.spins) AS spins, sum(f.staked) AS staked, sum(f.paid) AS paid FROM slots_figure f
         GROUP BY f.day
    ), played AS (
        SELECT d.day, sum(d.spins) AS spins, sum(d.staked) AS staked, sum(d.paid) AS paid FROM slots_playday d
         WHERE d.spins > 0 GROUP BY d.day
    )
    SELECT coalesce(c.day, p.day)::text AS subject,
           ARRAY[coalesce(c.spins, 0), coalesce(c.staked, 0), coalesce(c.paid, 0)]::bigint[] AS counted,
           ARRAY[coalesce(p.spins, 0), coalesce(p.staked, 0), coalesce(p.paid, 0)]::bigint[] AS said
      FROM counted c FULL JOIN played p ON p.day = c.day
     WHERE (c.spins, c.staked, c.paid) IS DISTINCT FROM (p.spins, p.staked, p.paid)
     ORDER BY 1 LIMIT %(most)s
"""
_HITS = """
    WITH won AS (
        SELECT h.day, h.paytable_id, sum(h.hits * o.pay) AS paid, bool_or(h.hits > 0 AND o.pay IS NULL) AS is_unknown
          FROM slots_hit h LEFT JOIN unnest(%(paytables)s::uuid[], %(kinds)s::text[], %(pays)s::bigint[])
               AS o (paytable_id, kind, pay) ON o.paytable_id = h.paytable_id AND o.kind = h.kind
         GROUP BY h.day, h.paytable_id
    )
    SELECT coalesce(f.day, w.day) || ' ' || coalesce(f.paytable_id, w.paytable_id) AS subject,
           ARRAY[coalesce(w.paid, 0)]::bigint[] AS counted, ARRAY[coalesce(f.paid, 0)]::bigint[] AS said
      FROM slots_figure f FULL JOIN won w ON w.day = f.day AND w.paytable_id = f.paytable_id
     WHERE coalesce(w.is_unknown, false) OR coalesce(w.paid, 0) <> coalesce(f.paid, 0)
     ORDER BY 1 LIMIT %(most)s
"""
_RETURNS = """
    WITH unread AS (
        SELECT s.paytable_id, count(*) AS spins, sum(s.bet) AS staked, sum(s.payout) AS paid FROM slots_spin s
         WHERE s.id > %(watched)s AND s.id <= %(counted)s GROUP BY s.paytable_id
    ), figures AS (
        SELECT f.paytable_id, sum(f.spins) AS spins, sum(f.staked) AS staked, sum(f.paid) AS paid FROM slots_figure f
         GROUP BY f.paytable_id
    ), read AS (
        SELECT f.paytable_id, f.spins - coalesce(u.spins, 0) AS spins, f.staked - coalesce(u.staked, 0) AS staked,
               f.paid - coalesce(u.paid, 0) AS paid
          FROM figures f LEFT JOIN unread u ON u.paytable_id = f.paytable_id WHERE %(since)s::uuid IS NULL
        UNION ALL
        SELECT s.paytable_id, count(*), sum(s.bet), sum(s.payout) FROM slots_spin s
         WHERE s.id >= %(since)s::uuid AND s.id <= %(watched)s GROUP BY s.paytable_id
    )
    SELECT t.paytable_id::text AS subject, ARRAY[t.spins, t.staked, t.paid]::bigint[] AS counted,
           ARRAY[coalesce(r.spins, 0), coalesce(r.staked, 0), coalesce(r.paid, 0)]::bigint[] AS said
      FROM slots_tally t LEFT JOIN read r ON r.paytable_id = t.paytable_id
     WHERE t.counted_from IS NOT DISTINCT FROM %(since)s::uuid AND NOT %(is_detached)s
       AND (t.spins, t.staked, t.paid)
           IS DISTINCT FROM (coalesce(r.spins, 0), coalesce(r.staked, 0), coalesce(r.paid, 0))
     ORDER BY 1 LIMIT %(most)s
"""
_COMPARED = """
    SELECT count(DISTINCT d.user_id) AS players, coalesce(sum(d.spins), 0)::bigint AS spins FROM slots_playday d
"""
CHECKS = {"PLAYER": _PLAYERS, "DAY": _DAYS, "HITS": _HITS, "RETURN": _RETURNS}


@dataclass(frozen=True)
class Difference:
    """What was counted of a player, a day, or a paytable, against what the totals say: spins, points staked, paid.

    Of HITS only the points paid.
    """

    check: str
    subject: str
    counted: tuple[int, ...]
    said: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.check} {self.subject}: counted {_words(self.counted)}, not {_words(self.said)}"


def check_figures() -> int:
    """Compare all figures in one snapshot, record the result, mark differences for staff; return how many there are.

    Reads every slot state and every day of play, and the spins after the marks of the rounds; without a statement
    time-out.
    """
    with snapshot():
        found, compared = list(differences()), rows(_COMPARED)[0]
    command(lambda: _record(found, compared))
    return len(found)


def differences() -> Iterator[Difference]:
    """Yield what differs, by the snapshot of the open transaction: at most `MOST_NAMED` of each kind."""
    marks = dict(Aggregated.objects.values_list("name", "upto"))
    game = Game.objects.filter(code=GAME).first()
    params = {
        "counted": marks.get(counting.NAME, NIL),
        "watched": marks.get(watching.NAME, NIL),
        "since": game and game.counted_from,
        "most": MOST_NAMED,
        "is_detached": bool(game and game.counted_from and is_detached(game.counted_from)),
        **_pays(),
    }
    for check, sql in CHECKS.items():
        for row in rows(sql, params):
            yield Difference(check, row["subject"], tuple(row["counted"]), tuple(row["said"]))


def last_check() -> FigureCheck | None:
    """Return the newest comparison (one statement)."""
    return FigureCheck.objects.order_by("-id").first()


def _pays() -> dict[str, str]:
    """Return what each kind of win pays by each paytable."""
    sheets = [(table.pk, par_of(table.canonical)) for table in Paytable.objects.all()]
    odds = [(paytable_id, each.kind, each.pay) for paytable_id, sheet in sheets for each in sheet.odds]
    paytables, kinds, pays = zip(*odds, strict=True) if odds else ((), (), ())
    return {"paytables": array(paytables), "kinds": array(kinds), "pays": array(pays)}


def _record(found: list[Difference], compared: Mapping[str, Any]) -> None:
    first = str(found[0])[:MOST_CHARS] if found else ""
    check = FigureCheck.objects.create(
        players=compared["players"], spins=compared["spins"], differences=len(found), first=first
    )
    if found:
        log.error("figures_differ", differences=len(found), first=first)
        facts: dict[str, Any] = {"check": str(check.pk), "differences": len(found), "first": first}
        compliance.mark(kind=MarkerKind.FIGURES_DIFFER, seen=f"{len(found)} {first}", **facts)


def _words(counted: tuple[int, ...]) -> str:
    if len(counted) == 1:
        return f"{counted[0]:,} paid"
    spins, staked, paid = counted
    return f"{spins:,} spins, {staked:,} staked, {paid:,} paid"
