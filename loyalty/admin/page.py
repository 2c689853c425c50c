"""The page of RedRoomRewards: alerts, operations by state, breakers, unknown outcomes, dead letters, last report."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from accounts.backoffice import ActionAdmin
from core.spreadsheets import escaped
from loyalty.admin.breaker import breaker_card
from loyalty.admin.charts import calls_chart
from loyalty.admin.words import short_source, short_user, span
from loyalty.models import Difference, DifferenceKind, OperationState, RemoteOperation
from loyalty.services.gates import is_remote
from loyalty.services.overview import Overview, Waiting, differences_of, last_report, overview

MINUTES_TO_ALARM = 5
MINUS = "\N{MINUS SIGN}"
KINDS = {
    DifferenceKind.MISSING: "Missing there",
    DifferenceKind.EXTRA: "Extra there",
    DifferenceKind.DIFFERS: "Amounts differ",
}


@dataclass(frozen=True)
class Alert:
    """What happened, how much of it, and where on the page it is decided. ``look`` is bad or warn."""

    look: str
    icon: str
    title: str
    note: str
    href: str


@dataclass(frozen=True)
class Figure:
    """A number, the list that it opens, and what is to be said of its oldest row."""

    title: str
    value: str
    note: str
    link: str
    look: str = ""


@dataclass(frozen=True)
class Row:
    """An operation as its table shows it."""

    pk: str
    address: str
    name: str
    about: str
    points: int
    age: str
    attempts: int
    following: str
    answer: str
    is_old: bool


@dataclass(frozen=True)
class DifferenceRow:
    """A difference with both sides as they are written."""

    what: str
    name: str
    address: str
    here: int | None
    there: int | None
    signed: str


def response(
    admin: ActionAdmin, request: HttpRequest, *, may_send: bool, may_read_report: bool, may_export: bool
) -> HttpResponse:
    """Return the page, or the last report as CSV (`?csv=report`). Raises PermissionDenied."""
    if "csv" in request.GET:
        if not may_export:
            raise PermissionDenied
        return _spreadsheet()
    seen = overview()
    return admin.page(
        request,
        "admin/loyalty/overview.html",
        "RedRoomRewards",
        is_remote=is_remote(),
        seen=seen,
        alerts=_alerts(seen, may_read_report=may_read_report),
        figures=_figures(seen),
        chart=calls_chart(seen.slots),
        unknown=[_row(each, seen.now) for each in seen.unknown_rows],
        unknown_link=list_of(OperationState.UNKNOWN),
        letters=[_row(each, seen.now) for each in seen.letters],
        letters_link=list_of(OperationState.DEAD),
        report=seen.report if may_read_report else None,
        differences=[_difference(each) for each in seen.report.differences] if seen.report else [],
        sum_text=_signed(seen.report.sum) if seen.report else "",
        breaker=breaker_card(seen.now),
        may_send=may_send,
        may_read_report=may_read_report,
        may_export=may_export,
    )


def list_of(state: OperationState, kind: str = "") -> str:
    """The address of the list of operations in a state, and of a kind."""
    query = {"state__exact": state.value} | ({"kind__exact": kind} if kind else {})
    return f"{reverse('admin:loyalty_remoteoperation_changelist')}?{urlencode(query)}"


def _alerts(seen: Overview, *, may_read_report: bool) -> list[Alert]:
    """Worst first: money in doubt, money not delivered, what differs."""
    found = []
    if seen.unknown.count:
        age, points = span(seen.unknown.oldest, seen.now), f"{seen.unknown.points:,} points"
        title = f"{_counted(seen.unknown.count, 'unknown outcome')}, the oldest {age} old"
        found.append(Alert("bad", "warning", title, f"{points}; asked again with the same key", "#unknown"))
    if seen.dead.count:
        title = f"{_counted(seen.dead.count, 'dead letter')}, {seen.dead.points:,} points"
        found.append(Alert("warn", "mail", title, "Not taken there; a person sends them again", "#dead"))
    if may_read_report and seen.report and seen.report.count:
        title = f"{_counted(seen.report.count, 'difference')} in the last report"
        found.append(Alert("warn", "balance", title, "Nothing is corrected without a person", "#report"))
    if seen.event_faults:
        events = f"{reverse('admin:loyalty_webhookevent_changelist')}?handled__exact=1"
        title = f"{_counted(seen.event_faults, 'event')} of the last 7 days to look at"
        found.append(Alert("warn", "link_off", title, "A link here is not as it is there, or nobody answered", events))
    return found


def _figures(seen: Overview) -> list[Figure]:
    confirmed = f"{seen.confirmed_today:,}{' and more' if seen.is_cut else ''}"
    return [
        _waiting("Deducts open", seen.deducts_open, seen.now, list_of(OperationState.OPEN, "deduct")),
        _waiting("Unknown", seen.unknown, seen.now, list_of(OperationState.UNKNOWN), look="bad"),
        _waiting("Credits waiting", seen.credits, seen.now, list_of(OperationState.OPEN)),
        _waiting("Dead letters", seen.dead, seen.now, list_of(OperationState.DEAD), look="warn"),
        Figure(
            "Confirmed",
            confirmed,
            f"in 24 hours, {seen.compensated_today:,} compensated",
            list_of(OperationState.CONFIRMED),
        ),
    ]


def _waiting(title: str, waiting: Waiting, now: datetime, link: str, *, look: str = "") -> Figure:
    note = f"oldest {span(waiting.oldest, now)}" if waiting.oldest else "none waits"
    return Figure(title, f"{waiting.count:,}", note, link, look if waiting.count else "")


def _row(operation: RemoteOperation, now: datetime) -> Row:
    wait = operation.due_at - now
    return Row(
        pk=str(operation.pk),
        address=reverse("admin:loyalty_remoteoperation_change", args=[operation.pk]),
        name=short_source(operation.key),
        about=f"{operation.get_kind_display().lower()}, {short_user(operation.user_id)}",
        points=operation.amount,
        age=span(operation.created_at, now),
        attempts=operation.attempts,
        following=f"in {span(operation.due_at, now)}" if wait.total_seconds() > 0 else "now",
        answer=operation.error or "–",
        is_old=(now - operation.created_at).total_seconds() > 60 * MINUTES_TO_ALARM,
    )


def _difference(difference: Difference) -> DifferenceRow:
    return DifferenceRow(
        what=KINDS[DifferenceKind(difference.kind)],
        name=short_source(difference.key) if difference.source else difference.key,
        address=reverse("admin:loyalty_difference_change", args=[difference.pk]),
        here=difference.here,
        there=difference.there,
        signed=_signed((difference.here or 0) - (difference.there or 0)),
    )


HEADINGS = ("Kind", "Key", "Source", "User", "Here", "There", "Difference")


def _spreadsheet() -> HttpResponse:
    report = last_report()
    if report is None:
        raise Http404
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="redroomrewards-{report.run.day}.csv"'
    writer = csv.writer(answer)
    writer.writerow(HEADINGS)
    writer.writerows([escaped(cell) for cell in _cells(each)] for each in differences_of(report.run))
    return answer


def _cells(each: Difference) -> Sequence[Any]:
    signed = (each.here or 0) - (each.there or 0)
    return each.kind, each.key, each.source, each.user_id, each.here, each.there, signed


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _signed(points: int) -> str:
    """1200 → +1,200; a minus is U+2212."""
    return f"+{points:,}" if points > 0 else f"{points:,}".replace("-", MINUS)
