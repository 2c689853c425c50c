"""The page of the slot machine's statistics: charts of a span of days with their numbers, and each of them as CSV."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.backoffice import RoleAdmin
from compliance import services as compliance
from core.clock import db_now
from core.spreadsheets import escaped
from escrow import services as escrow
from slots import services
from slots.admin import drawing
from slots.admin.charts import Chart
from slots.admin.spread import MINUS
from slots.drift import LOOK_EVERY
from slots.expected import Z99
from slots.models import Verdict
from slots.services.returns import Return

PRESETS = (("Today", 1), ("7 days", 7), ("30 days", 30))
FEATURE = "slots"
LOOKS: dict[str | None, str] = {
    Verdict.OK: "office-good",
    Verdict.WARN: "office-waits",
    Verdict.DISABLE: "office-bad",
}
Table = tuple[Sequence[str], Iterable[Sequence[Any]]]


class DaysForm(forms.Form):
    """The days to show. Without any they are the last 30."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        for name, label in (("from", "From"), ("to", "To")):
            self.fields[name] = forms.DateField(
                label=label,
                required=False,
                input_formats=["%Y-%m-%d"],
                widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
            )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors:
            first, last = services.usual_span(given["from"], given["to"])
            if first > last:
                self.add_error("from", "The first day is after the last.")
            elif (last - first).days >= services.MOST_DAYS:
                self.add_error("from", f"At most {services.MOST_DAYS} days can be shown.")
            given["span"] = first, last
        return given


@dataclass(frozen=True)
class Preset:
    """A link to the last days."""

    title: str
    query: str
    is_current: bool


@dataclass(frozen=True)
class Figure:
    """A number at the top of the page."""

    title: str
    value: str
    note: str
    address: str = "#chart-days"


def response(admin: RoleAdmin, request: HttpRequest, *, may_export: bool) -> HttpResponse:
    """Return the page for the days asked for, or one of its tables as CSV. Raises PermissionDenied."""
    wanted = request.GET.get("csv")
    if wanted is not None and not may_export:
        raise PermissionDenied
    form, now = DaysForm(request.GET or None), db_now().astimezone(UTC)
    is_usable = form.is_valid()
    first, last = form.cleaned_data["span"] if is_usable else services.usual_span(None, now.date())
    form = form if form.is_bound and not is_usable else DaysForm(initial={"from": first, "to": last})
    stats, counts = services.stats(first=first, last=last), _refusals(first, last)
    charts = _charts(stats, now)
    if wanted is not None:
        return _spreadsheet(wanted, stats, charts, counts)
    kinds = [drawing.kind_row(each) for each in stats.kinds]
    return admin.page(
        request,
        "admin/slots/statistics.html",
        "Slot machine statistics",
        form=form,
        stats=stats,
        now=now,
        paytables=[each.title for each in stats.paytables.values()],
        presets=_presets(first, last, now.date()),
        figures=_figures(stats, now.date()),
        charts=charts,
        most_since=services.MOST_SINCE,
        kinds=kinds,
        kinds_inside=sum(row.is_inside for row in kinds),
        gates=drawing.refusals_by_gate(counts),
        policies=drawing.refusals_by_policy(counts),
        refusals=sum(each.refusals for each in counts),
        may_export=may_export,
        check=services.last_check(),
        csv_query=f"?from={first}&to={last}&csv=",
    )


def _refusals(first: date, last: date) -> Sequence[compliance.RefusalCount]:
    return compliance.refusal_counts(feature=FEATURE, first=first, last=last)


def _charts(stats: services.Stats, now: datetime) -> list[Chart]:
    days, today, points = [each.day for each in stats.days], now.date(), escrow.Currency.POINT
    returned = services.returns()
    ends = escrow.circulation_by_day(points, first=stats.first, last=min(stats.last, today))
    current = escrow.in_circulation(points)
    known = {day: current if day == today else ends[day] for day in days if day == today or day in ends}
    return [
        drawing.return_chart(stats, judged(returned), LOOKS.get(returned.verdict if returned else None, "office-mute")),
        drawing.spins_chart(stats, today),
        drawing.players_chart(stats, today),
        drawing.circulation_chart(days, known, current),
    ]


def judged(returned: Return | None) -> str:
    """What the watch has decided about the active paytable, in words."""
    if returned is None:
        return "No paytable is active"
    looked, z = returned.spins - returned.spins % LOOK_EVERY, abs(returned.z or 0)
    match returned.verdict:
        case Verdict.SHOWN:
            return f"Shown, not judged: {returned.spins:,} of {returned.least:,} spins"
        case Verdict.WARN:
            return f"Watch: z {z:.1f}. Next look at {looked + LOOK_EVERY:,} spins."
        case Verdict.DISABLE:
            return f"z {z:.1f}: the machine closes by itself. Two people open it again."
    return f"Judged at {looked:,} spins: nothing to do"


def _presets(first: date, last: date, today: date) -> list[Preset]:
    starts = [(title, today - timedelta(days=days - 1)) for title, days in PRESETS]
    return [Preset(title, f"?from={start}&to={today}", (first, last) == (start, today)) for title, start in starts]


def _figures(stats: services.Stats, today: date) -> list[Figure]:
    spins_today = next((f"{each.spins:,} today" for each in stats.days if each.day == today), "")
    band, z = stats.band99, stats.z
    within = "" if z is None else "within the 99 % band" if abs(z) <= Z99 else "outside of the 99 % band"
    return [
        Figure("Spins", f"{stats.spins:,}", spins_today),
        Figure("Staked", f"{stats.staked:,}", "points"),
        Figure("Paid out", f"{stats.paid:,}", "points"),
        Figure(
            "Return",
            drawing.percent(stats.rtp),
            "no spins" if band is None else f"99 % band {100 * max(band[0], 0):.1f} to {100 * band[1]:.1f}",
            "#chart-return",
        ),
        Figure("Distance z", "–" if z is None else f"{z:+.2f}".replace("-", MINUS), within, "#chart-return"),
    ]


def _spreadsheet(
    name: str, stats: services.Stats, charts: Sequence[Chart], counts: Sequence[compliance.RefusalCount]
) -> HttpResponse:
    """Write one table of the page, by its name; the days' for any other."""
    tables: dict[str, Callable[[], Table]] = {
        "kinds": lambda: (
            ("Kind", "Hits", "Expected", "99 % from", "99 % to"),
            [(each.kind, each.hits, f"{float(each.expected):.4f}", *each.expectation.range()) for each in stats.kinds],
        ),
        "refusals": lambda: (
            ("Gate", "Policy version", "Refusals"),
            [(each.gate, each.policy_version, each.refusals) for each in counts],
        ),
    }
    drawn = {each.name: (each.headings, each.rows) for each in charts}
    headings, rows = tables[name]() if name in tables else drawn.get(name, drawn["days"])
    known = f"{name if name in tables or name in drawn else 'days'}{'-partial' if stats.is_partial else ''}"
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="slots-{known}-{stats.first}-{stats.last}.csv"'
    writer = csv.writer(answer)
    writer.writerow(headings)
    writer.writerows([escaped(cell) for cell in row] for row in rows)
    return answer
