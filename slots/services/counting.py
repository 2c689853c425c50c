"""Figures of play, counted in rounds: each takes the stored spins after the last one that is counted, exactly once.

A round is one transaction: it locks the row that says how far spins are counted, adds what came after it to
``Figure``, ``Hit`` and ``PlayDay``, and moves the row. Rounds at the same time take turns: one finds the row locked
and counts nothing. A round that dies leaves nothing behind, and the next one counts the same spins.

Which spins may be counted: an id is made inside the transaction that stores its spin, but becomes visible when that
commits, maybe after larger ids. A spin that appeared below the mark would never be counted. So a round stops before
the start of the oldest transaction that is still open and has written or locked anything (``pg_stat_activity``, read
in a statement of its own before the spins): any spin not visible by then belongs to one that began later, and so has a
larger id. ``MARGIN`` is for what this leaves: web servers' clocks, which make the ids, may be behind the database's by
that much. A transaction that stays open for long holds the mark back, not the figures: who reads them adds the spins
after the mark (``slots.services.figures``). ADR 0080.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from core.db import array, command, rows
from core.ids import NIL
from slots.draw import Table
from slots.models import Aggregated, Paytable
from slots.par import kind_of
from slots.services.paytables import table_of

NAME = "play"
SPINS_A_ROUND = 10_000
ROUNDS = 60
"""At most as many in one run: more than half a million spins, while beat starts one every minute."""
MARGIN = timedelta(seconds=10)
UNEXPLAINED = "unexplained"
"""The kind of a paid spin whose symbols pay nothing by its paytable: ``verify_spins`` names it, rounds go on."""

_BOUND = """
    SELECT slots_id_floor(least(clock_timestamp(), min(a.xact_start)) - %s) AS bound FROM pg_stat_activity a
     WHERE a.datname = current_database() AND a.backend_xid IS NOT NULL AND a.pid <> pg_backend_pid()
"""
_BATCH = """
    WITH batch AS MATERIALIZED (
        SELECT s.id FROM slots_spin s WHERE s.id > %(upto)s AND s.id < %(bound)s ORDER BY s.id LIMIT %(most)s)
    SELECT (SELECT b.id FROM batch b ORDER BY b.id LIMIT 1) AS first,
           (SELECT b.id FROM batch b ORDER BY b.id DESC LIMIT 1) AS last,
           (SELECT count(*) FROM batch) AS spins
"""
DAY = "({at} AT TIME ZONE 'UTC')::date"
SECOND = "floor(extract(epoch FROM {at}))::bigint"
LOOK_BACK = "slots_id_floor(slots_id_moment({first}) - interval '2 days')"
"""The ids before this one hold no spin of the same day, and none of the same session."""

SPINS = f"""
    SELECT s.user_id, s.paytable_id, s.bet, s.payout, s.symbols, {DAY.format(at="s.at")} AS day,
           {DAY.format(at="p.at")} AS prior_day,
           s.at - p.at >= interval '0' AND s.at - p.at < interval '30 minutes' AS in_session,
           {SECOND.format(at="s.at")} AS second, {SECOND.format(at="p.at")} AS prior_second,
           extract(epoch FROM {DAY.format(at="s.at")})::bigint AS midnight,
           CASE WHEN p.at IS NULL OR {DAY.format(at="p.at")} <> {DAY.format(at="s.at")} THEN true
                WHEN p.paytable_id = s.paytable_id THEN false
                ELSE NOT EXISTS (
                    SELECT 1 FROM slots_spin e
                     WHERE e.user_id = s.user_id AND e.nonce < s.nonce AND e.id >= {{since}}
                       AND e.paytable_id = s.paytable_id AND {DAY.format(at="e.at")} = {DAY.format(at="s.at")})
           END AS is_first
      FROM ({{spins}}) AS s
      LEFT JOIN slots_spin p ON p.user_id = s.user_id AND p.nonce = s.nonce - 1 AND p.id >= {{since}}
"""  # noqa: S608  only fragments of this module are put in
"""Each spin with the day of the player's spin before it, the seconds since then, and whether it is his first of the day
with this paytable. Times rise with nonces, so his spin before it answers, unless the paytable changed that day."""

_COUNT = f"""
    WITH new AS MATERIALIZED ({
    SPINS.format(since="%(since)s", spins="SELECT * FROM slots_spin n WHERE n.id > %(upto)s AND n.id <= %(last)s")
}), playing AS (
        SELECT n.day, n.user_id, 1 AS spins, n.bet, n.payout,
               CASE WHEN n.in_session THEN n.second - greatest(n.prior_second, n.midnight) ELSE 0 END AS seconds
          FROM new n
        UNION ALL
        SELECT n.prior_day, n.user_id, 0, 0, 0, n.midnight - n.prior_second FROM new n
         WHERE n.in_session AND n.prior_day < n.day
    ), play_days AS (
        INSERT INTO slots_playday AS d (day, user_id, spins, seconds_played, staked, paid)
        SELECT p.day, p.user_id, sum(p.spins), sum(p.seconds), sum(p.bet), sum(p.payout) FROM playing p
         GROUP BY p.day, p.user_id
        ON CONFLICT (day, user_id) DO UPDATE SET
            spins = d.spins + excluded.spins, seconds_played = d.seconds_played + excluded.seconds_played,
            staked = d.staked + excluded.staked, paid = d.paid + excluded.paid
    ), figures AS (
        INSERT INTO slots_figure AS f (day, paytable_id, spins, players, staked, paid)
        SELECT n.day, n.paytable_id, count(*), count(*) FILTER (WHERE n.is_first), sum(n.bet), sum(n.payout) FROM new n
         GROUP BY n.day, n.paytable_id
        ON CONFLICT (day, paytable_id) DO UPDATE SET
            spins = f.spins + excluded.spins, players = f.players + excluded.players,
            staked = f.staked + excluded.staked, paid = f.paid + excluded.paid
    )
    SELECT n.day, n.paytable_id, n.symbols, count(*) AS hits FROM new n WHERE n.payout > 0
     GROUP BY n.day, n.paytable_id, n.symbols
"""  # noqa: S608
_HITS = """
    INSERT INTO slots_hit AS h (day, paytable_id, kind, hits)
    SELECT * FROM unnest(%(days)s::date[], %(paytables)s::uuid[], %(kinds)s::text[], %(hits)s::bigint[])
    ON CONFLICT (day, paytable_id, kind) DO UPDATE SET hits = h.hits + excluded.hits
    RETURNING 1
"""


def count_spins() -> int:
    """Run rounds until all spins that may be counted are, at most ``ROUNDS``; return how many spins were counted.

    Each round is a transaction of its own.
    """
    counted = 0
    for _ in range(ROUNDS):
        spins = command(count_round)
        counted += spins
        if spins < SPINS_A_ROUND:
            break
    return counted


def count_round() -> int:
    """Count the next spins, at most ``SPINS_A_ROUND``, in the open transaction (six statements); return how many.

    Locks the row of ``Aggregated``; 0 without waiting if somebody else counts. The day is that of the spin's time in
    UTC. Seconds played are those between spins less than 30 minutes apart, to each day what lies in it.
    """
    Aggregated.objects.bulk_create([Aggregated(name=NAME, upto=NIL)], ignore_conflicts=True)
    mark = Aggregated.objects.select_for_update(no_key=True, skip_locked=True).filter(name=NAME).first()
    if mark is None:
        return 0
    bound = rows(_BOUND, [MARGIN])[0]["bound"]
    batch = rows(_BATCH, {"upto": mark.upto, "bound": bound, "most": SPINS_A_ROUND})[0]
    if not batch["spins"]:
        return 0
    since = rows(f"SELECT {LOOK_BACK.format(first='%s::uuid')} AS since", [batch["first"]])[0]["since"]
    hits = rows(_COUNT, {"upto": mark.upto, "last": batch["last"], "since": since})
    _add_hits(kinds_hit(hits))
    Aggregated.objects.filter(name=NAME).update(upto=batch["last"])
    return int(batch["spins"])


def kinds_hit(found: Sequence[Mapping[str, Any]]) -> Counter[tuple[date, UUID, str]]:
    """Add up lines (day, paytable, symbols, hits) by the kind of award that the paytable gives (one statement)."""
    used = {row["paytable_id"] for row in found}
    tables = {each.pk: table_of(each.canonical) for each in Paytable.objects.filter(pk__in=used)}
    hits: Counter[tuple[date, UUID, str]] = Counter()
    for row in found:
        kind = kind_hit(tables.get(row["paytable_id"]), row["symbols"])
        hits[row["day"], row["paytable_id"], kind] += row["hits"]
    return hits


def kind_hit(table: Table | None, symbols: Sequence[str]) -> str:
    """Return the kind of award that a table gives for symbols which were paid, ``UNEXPLAINED`` if it gives none."""
    shown = tuple(symbols)
    return kind_of(table, shown) if table and table.pay(shown) else UNEXPLAINED


def _add_hits(hits: Mapping[tuple[date, UUID, str], int]) -> None:
    if not hits:
        return
    days, paytables, kinds = zip(*hits, strict=True)
    rows(
        _HITS,
        {"days": list(days), "paytables": array(paytables), "kinds": list(kinds), "hits": array([*hits.values()])},
    )
