"""Markers: noting what staff should look at, and closing it."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count

from accounts.models import Role, User
from compliance.errors import MarkerClosed
from compliance.models import LimitChange, Marker
from compliance.models.markers import MarkerKind, MarkerState
from compliance.models.spending import LimitStep
from core.clock import CoreNow
from core.db import first_or_not_found, joined
from core.errors import Forbidden, assert_reason
from core.ids import new_id

RAISED_WITHIN = timedelta(days=7)
RAISED_TIMES = 2
_PLAY: frozenset[str] = frozenset({Role.SUPPORT, Role.GAMES, Role.ADMIN})
_HARM: frozenset[str] = frozenset({Role.SUPPORT, Role.ADMIN})
_MACHINE: frozenset[str] = frozenset({Role.GAMES, Role.ADMIN})
CLOSERS: Mapping[str, frozenset[str]] = {
    MarkerKind.RTP_DRIFT: _MACHINE,
    MarkerKind.ARCHIVE_DEFECT: _MACHINE,
    MarkerKind.FIGURES_DIFFER: _MACHINE,
    MarkerKind.RAPID_PLAY: _PLAY,
    MarkerKind.IMPROBABLE_LUCK: _PLAY,
    MarkerKind.LIMIT_RAISED: _HARM,
    MarkerKind.LONG_DAY: _HARM,
    MarkerKind.STAKE_AFTER_CHECK: _HARM,
}
"""Who closes which kind: support looks after people, games after the machine."""

_MARK = """
INSERT INTO compliance_marker (id, kind, user_id, subject, facts, first_at, last_at, count, state)
SELECT %(id)s, g.kind, g.about, g.subject, g.facts, g.now, g.now, 1, 'open'
  FROM (SELECT %(kind)s::text AS kind, %(user)s::uuid AS about, %(subject)s::text AS subject, %(facts)s::jsonb AS facts,
               core_now() AS now) AS g
 WHERE NOT EXISTS (
     SELECT 1 FROM compliance_marker m
      WHERE m.state = 'closed' AND m.kind = g.kind AND m.user_id IS NOT DISTINCT FROM g.about AND m.subject = g.subject
        AND m.facts ->> 'seen' = g.facts ->> 'seen')
ON CONFLICT (kind, user_id, subject) WHERE state = 'open' DO UPDATE
   SET count = compliance_marker.count + 1, facts = EXCLUDED.facts,
       last_at = greatest(compliance_marker.first_at, EXCLUDED.last_at)
 WHERE compliance_marker.facts ->> 'seen' IS DISTINCT FROM EXCLUDED.facts ->> 'seen'
"""


def mark(*, kind: str, seen: str, user_id: UUID | None = None, subject: str = "", **facts: Any) -> None:
    """Note a sighting in the open transaction (one statement): open a marker, or count the open one up.

    `seen` names the sighting: the same one twice counts once, and after its marker was closed it opens no other.
    `facts` are ids and numbers, never personal data.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _MARK,
            {
                "id": new_id(),
                "kind": kind,
                "user": user_id,
                "subject": subject,
                "facts": json.dumps({"seen": seen, **facts}),
            },
        )


def mark_raised(user_id: UUID) -> None:
    """Mark a user whose limits were raised twice in 7 days, the raise just recorded included.

    Reads the user's steps of 7 days by their index. The caller holds the lock of the wallet.
    """
    raised = list(
        LimitChange.objects.filter(user=user_id, kind=LimitStep.CONFIRMED, at__gt=CoreNow() - RAISED_WITHIN).order_by(
            "-id"
        )
    )
    if len(raised) >= RAISED_TIMES:
        newest = raised[0]
        mark(
            kind=MarkerKind.LIMIT_RAISED,
            user_id=user_id,
            seen=str(newest.pk),
            times=len(raised),
            currency=newest.currency,
            window=newest.window,
            old=newest.old,
            new=newest.new,
        )


def close_marker(*, marker_id: UUID, reason: str, actor: User) -> Marker:
    """Close a marker, for good; seen again, another one opens. Locks the marker.

    Raises:
        Forbidden: this kind is another role's; ValidationFailed (no reason), NotFound, MarkerClosed. Nothing was
        written.
    """
    assert_reason(reason)
    with joined():
        marker = first_or_not_found(Marker.objects.select_for_update(no_key=True).filter(pk=marker_id))
        if actor.role not in CLOSERS[marker.kind]:
            raise Forbidden
        if marker.state != MarkerState.OPEN:
            raise MarkerClosed
        Marker.objects.filter(pk=marker.pk).update(
            state=MarkerState.CLOSED, closed_by=actor, closed_at=CoreNow(), reason=reason
        )
        return Marker.objects.get(pk=marker.pk)


def open_markers() -> dict[str, int]:
    """Count the open markers of each kind, zeros included (one statement)."""
    found = Marker.objects.filter(state=MarkerState.OPEN).values_list("kind").annotate(Count("id"))
    return dict.fromkeys(MarkerKind.values, 0) | dict(found)


def markers_waiting(role: str) -> int:
    """Count the open markers that somebody of this role closes (one statement)."""
    return Marker.objects.filter(state=MarkerState.OPEN, kind__in=kinds_closed(role)).count()


def kinds_closed(role: str) -> frozenset[str]:
    """Return the kinds that somebody of this role closes."""
    return frozenset(kind for kind, roles in CLOSERS.items() if role in roles)


def kinds_shown(role: str) -> frozenset[str]:
    """Return the kinds that somebody of this role sees: games only what it closes, since the rest is about people."""
    return kinds_closed(role) if role == Role.GAMES else frozenset(MarkerKind.values)
