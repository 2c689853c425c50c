"""What staff should look at in how somebody plays: pace, luck, long days, and a stake right after a reality check."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID

from compliance import services as compliance
from compliance.services import MarkerKind
from core.db import array, rows
from slots.luck import SPINS, classes_of, improbable
from slots.models import Paytable, PlayDay
from slots.services.paytables import par_of

RAPID_SPINS = 50
RAPID_WITHIN = timedelta(seconds=150)
AFTER_CHECK = timedelta(seconds=10)
LONG_DAY_S = 3 * 3_600

_SPIN_BEFORE = """
  LEFT JOIN LATERAL (
      SELECT p.at FROM slots_spin p WHERE p.user_id = s.user_id AND p.nonce = s.nonce - {back}
         AND p.id >= slots_id_floor(slots_id_moment(s.id) - interval '1 day') LIMIT 1) AS {name} ON true"""
NEW_SPINS = f"""
SELECT s.*, t.acknowledged_at, b.at AS before_at, f.at AS first_at, e.at AS earlier_at
  FROM (SELECT id, user_id, nonce, at, bet, payout, paytable_id FROM slots_spin
         WHERE id > %(upto)s AND id <= %(last)s ORDER BY id LIMIT %(most)s) AS s
  LEFT JOIN LATERAL (
      SELECT a.acknowledged_at FROM slots_slotstate a WHERE a.user_id = s.user_id LIMIT 1) AS t ON true
{_SPIN_BEFORE.format(back=1, name="b")}
{_SPIN_BEFORE.format(back=RAPID_SPINS - 1, name="f")}
{_SPIN_BEFORE.format(back=RAPID_SPINS, name="e")}
 ORDER BY s.id
"""  # noqa: S608  numbers of ours
"""Spins after an id, with the times of their players' spins before them: a few look-ups by unique keys for each.
`LIMIT` keeps them look-ups: without it the planner may join all spins at once."""

_WINDOWS = f"""
SELECT h.place, w.payout, w.spins
  FROM unnest(%(users)s::uuid[], %(nonces)s::bigint[], %(paytables)s::uuid[]) WITH ORDINALITY
       AS h (user_id, nonce, paytable_id, place)
 CROSS JOIN LATERAL (
     SELECT p.payout, count(*) AS spins FROM slots_spin p
      WHERE p.user_id = h.user_id AND p.nonce BETWEEN h.nonce - {SPINS - 1} AND h.nonce
        AND p.paytable_id = h.paytable_id
      GROUP BY p.payout) AS w
"""  # noqa: S608  a number of ours


def notice(spins: Sequence[dict[str, Any]], paytables: Mapping[UUID, Paytable]) -> None:
    """Mark the players of new spins, rows of `NEW_SPINS`, in the open transaction."""
    for spin in spins:
        if _is_rapid(spin["first_at"], spin["at"]) and not _is_rapid(spin["earlier_at"], spin["before_at"]):
            seconds = (spin["at"] - spin["first_at"]).total_seconds()
            _mark(MarkerKind.RAPID_PLAY, spin, spins=RAPID_SPINS, seconds=round(seconds, 1))
        if _is_after_check(spin):
            seconds = (spin["at"] - spin["acknowledged_at"]).total_seconds()
            _mark(MarkerKind.STAKE_AFTER_CHECK, spin, points=spin["bet"], seconds=round(seconds, 1))
    _notice_days(spins)
    lowest = {key: min((each.pay for each in classes_of(par_of(table.canonical))), default=None)
              for key, table in paytables.items()}  # fmt: skip
    _notice_luck([spin for spin in spins if _reaches(spin["payout"], lowest[spin["paytable_id"]])], paytables)


def _notice_days(spins: Sequence[dict[str, Any]]) -> None:
    """Mark who played more than 3 hours on a day of these spins, or the day before; each further hour counts up."""
    days = {spin["at"].astimezone(UTC).date() for spin in spins}
    players = {spin["user_id"] for spin in spins}
    found = PlayDay.objects.filter(
        day__in=days | {day - timedelta(days=1) for day in days}, user_id__in=players, seconds_played__gt=LONG_DAY_S
    )
    for played in found:
        hours = played.seconds_played // 3_600
        compliance.mark(
            kind=MarkerKind.LONG_DAY,
            user_id=played.user_id,
            subject=str(played.day),
            seen=str(hours),
            day=str(played.day),
            hours=hours,
            spins=played.spins,
            staked=played.staked,
        )


def _notice_luck(hits: Sequence[dict[str, Any]], paytables: Mapping[UUID, Paytable]) -> None:
    """Compare the last spins before each rare award with what is improbable."""
    for spin, hits_by_pay in zip(hits, _hits_before(hits), strict=True):
        paytable = paytables[spin["paytable_id"]]
        luck = improbable(par_of(paytable.canonical), spins=sum(hits_by_pay.values()), hits_by_pay=hits_by_pay)
        if luck is not None:
            _mark(
                MarkerKind.IMPROBABLE_LUCK,
                spin,
                paytable=str(paytable),
                pay=luck.award.pay,
                tickets=luck.award.tickets,
                of=luck.award.of,
                spins=luck.spins,
                hits=luck.hits,
                least=luck.least,
            )


def _hits_before(hits: Sequence[dict[str, Any]]) -> list[dict[int, int]]:
    """Return, for each spin, how often its player's last spins by the same paytable paid what (one statement)."""
    found: list[dict[int, int]] = [defaultdict(int) for _ in hits]
    if hits:
        named = {"users": "user_id", "nonces": "nonce", "paytables": "paytable_id"}
        for row in rows(_WINDOWS, {name: array([spin[key] for spin in hits]) for name, key in named.items()}):
            found[row["place"] - 1][row["payout"]] = row["spins"]
    return found


def _is_rapid(first_at: Any, last_at: Any) -> bool:
    """Return whether the last of `RAPID_SPINS` spins came so soon after the first. The clock of a demo may run back."""
    return first_at is not None and last_at is not None and timedelta(0) <= last_at - first_at <= RAPID_WITHIN


def _is_after_check(spin: Mapping[str, Any]) -> bool:
    """Return whether this is the first spin since the player answered the last reality check, right after it."""
    answered, before = spin["acknowledged_at"], spin["before_at"]
    return (
        answered is not None
        and timedelta(0) <= spin["at"] - answered <= AFTER_CHECK
        and (before is None or before < answered)
    )


def _reaches(payout: int, lowest: int | None) -> bool:
    return lowest is not None and payout >= lowest


def _mark(kind: MarkerKind, spin: Mapping[str, Any], **facts: Any) -> None:
    compliance.mark(kind=kind, user_id=spin["user_id"], seen=str(spin["id"]), **facts)
