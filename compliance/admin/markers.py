"""Markers in the back office: what to look at, in words, open ones first; closed with a reason."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from accounts.backoffice import Action, ActionAdmin, person_filter, register_related, signed_in
from accounts.models import Role, User
from compliance.models import Marker
from compliance.models.markers import MarkerKind, MarkerState
from compliance.services.markers import close_marker, kinds_closed, kinds_shown

VIEWERS: frozenset[str] = frozenset({Role.SUPPORT, Role.GAMES, Role.AUDITOR, Role.ADMIN})
WORDS = {
    MarkerKind.RAPID_PLAY: "{spins} spins in {seconds} seconds.",
    MarkerKind.IMPROBABLE_LUCK: (
        "{hits} awards of {pay:,} points or more in the last {spins:,} spins of {paytable}, where {tickets:,} of "
        "{of:,} tickets win one; {least} are improbable (1 in 100,000,000)."
    ),
    MarkerKind.LIMIT_RAISED: (
        "Limits raised {times} times in 7 days, at last {currency} of {window} from {old} to {new}."
    ),
    MarkerKind.LONG_DAY: "{hours} hours and more played on {day} (UTC): {spins:,} spins, {staked:,} points staked.",
    MarkerKind.STAKE_AFTER_CHECK: "Staked {points} points {seconds} seconds after a reality check.",
    MarkerKind.RTP_DRIFT: (
        "{paytable} paid {paid:,} of {staked:,} points in {spins:,} spins, {z} standard deviations from its "
        "return of {rtp}. {followed}"
    ),
    MarkerKind.ARCHIVE_DEFECT: "{defects:,} defects of {month}, the first: {first}.",
    MarkerKind.FIGURES_DIFFER: "{differences:,} differences from the players' running totals, the first: {first}.",
}
MOST_ALERTS = 5
ALERTS = {
    MarkerKind.RTP_DRIFT: "The return closed the slot machine.",
    MarkerKind.ARCHIVE_DEFECT: "An archive of spins has defects.",
    MarkerKind.FIGURES_DIFFER: "Statistics differ from what was played.",
}
FOLLOWED = {"warn": "A warning; the machine runs on.", "disable": "The machine was closed."}
TITLES = {
    MarkerKind.RAPID_PLAY: "Rapid play",
    MarkerKind.IMPROBABLE_LUCK: "Improbable luck",
    MarkerKind.LIMIT_RAISED: "Limits raised",
    MarkerKind.LONG_DAY: "Long day",
    MarkerKind.STAKE_AFTER_CHECK: "Stake after a reality check",
    MarkerKind.RTP_DRIFT: "Drift of the return",
    MarkerKind.ARCHIVE_DEFECT: "Archive with defects",
    MarkerKind.FIGURES_DIFFER: "Figures differ",
}
ADVICE = {
    MarkerKind.RAPID_PLAY: (
        "A program, or somebody who cannot stop? See the spins. Ask the person, offer a time-out or a lower limit; "
        "deactivate a program's account."
    ),
    MarkerKind.IMPROBABLE_LUCK: (
        "Verify the spins (manage.py verify_spins --user). If the proof holds it was luck: say so in the reason. If "
        "not, retire the paytable, which closes the machine, and call finance to stop the wallet."
    ),
    MarkerKind.LIMIT_RAISED: "Speak with the person before the third. Offer a time-out; nobody may lower it for them.",
    MarkerKind.LONG_DAY: "Speak with the person. Offer a time-out, a lower limit or self-exclusion.",
    MarkerKind.STAKE_AFTER_CHECK: "Once is a habit; if the count climbs, speak with the person and offer a time-out.",
    MarkerKind.RTP_DRIFT: (
        "See the looks and the hits of each kind. If the machine was closed, find the cause, then two people of games "
        "open it on the page of the game; the count begins anew."
    ),
    MarkerKind.ARCHIVE_DEFECT: (
        "The month stays in the database meanwhile. Ask operations for manage.py read_archive --check of it, and to "
        "put the folder back from the second copy; where the stored spins themselves are wrong, manage.py "
        "verify_spins names them. Close it once the month is replayed without defects."
    ),
    MarkerKind.FIGURES_DIFFER: (
        "Whether players' spins and points are right is checked by manage.py verify_spins, not by them. Do not "
        "rely on the statistics of what is named until the cause is found: nothing is corrected by itself. The check "
        "is repeated every night."
    ),
}

register_related("compliance.marker", "Spins", "slots.spin", by="user_id")
register_related("compliance.marker", "Limits", "compliance.limit", by="user_id")
register_related("compliance.marker", "Steps of limits", "compliance.limitchange", by="user_id")
register_related("compliance.marker", "Time-outs and exclusions", "compliance.break", by="user_id")
register_related("compliance.marker", "Account", "accounts.user", by="user_id")
register_related("compliance.marker", "Other markers", "compliance.marker", by="user_id")


def words_of(marker: Marker) -> str:
    """Return a marker's facts as a sentence."""
    facts: Mapping[str, Any] = {key: "none" if value is None else value for key, value in marker.facts.items()}
    return WORDS[MarkerKind(marker.kind)].format(**facts, followed=FOLLOWED.get(facts.get("verdict", ""), ""))


def title_of(marker: Marker) -> str:
    return TITLES[MarkerKind(marker.kind)]


def short(user_id: UUID | None) -> str:
    """Return the end of a person's id, enough to tell the people on one page apart; a dash for the machine."""
    return "–" if user_id is None else f"u-{user_id.hex[-6:]}"


def _close(marker: Marker, actor: User, reason: str) -> str:
    close_marker(marker_id=marker.pk, reason=reason, actor=actor)
    return "closed"


CLOSE = Action(
    name="close_chosen",
    title="Close markers",
    button="Close",
    possible="can be closed by you",
    done="closed",
    columns=("What", "Person", "In words"),
    warning="Seen again, a new one opens. The reason is kept.",
    cells=lambda marker: (title_of(marker), short(marker.user_id), words_of(marker)),
    execute=_close,
)


@admin.register(Marker)
class MarkerAdmin(ActionAdmin):
    """Names and addresses of people are not here; their accounts are a link away, for who may see them."""

    view_roles = VIEWERS
    action_roles = VIEWERS - {Role.AUDITOR}
    actions = ("close_chosen",)
    actions_detail = ("close_marker",)
    list_display = ("what", "person", "in_words", "count", "first_at", "last_at", "state")
    list_filter = ("state", "kind", person_filter("user"))
    fields = (
        *("what", "person", "in_words", "what_to_do", "count", "first_at", "last_at"),
        *("state", "closed_by", "closed_at", "reason"),
    )
    readonly_fields = ("what", "person", "in_words", "what_to_do")
    id_fields = ("pk", "user")
    person_fields = ("user",)
    ordering = ("-state", "-id")
    list_before_template = "admin/compliance/markers.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Marker]:
        """Narrow every list and look-up to the kinds that this role sees."""
        found: QuerySet[Marker] = super().get_queryset(request)
        return found.filter(kind__in=kinds_shown(getattr(request.user, "role", "")))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show above the list whether anything is open, and what concerns the machine as a whole."""
        opened = self.get_queryset(request).filter(state=MarkerState.OPEN)
        closing = Q(kind=MarkerKind.RTP_DRIFT, facts__verdict="disable")
        urgent = opened.filter(closing | Q(kind__in=(MarkerKind.ARCHIVE_DEFECT, MarkerKind.FIGURES_DIFFER)))
        alerts = [(ALERTS[MarkerKind(each.kind)], words_of(each)) for each in urgent.order_by("-id")[:MOST_ALERTS]]
        more = {"open_markers": opened.count(), "alerts": alerts}
        return super().changelist_view(request, {**(extra_context or {}), **more})

    @admin.display(description="what", ordering="kind")
    def what(self, marker: Marker) -> str:
        return title_of(marker)

    @admin.display(description="person", ordering="user_id")
    def person(self, marker: Marker) -> str:
        return short(marker.user_id)

    @admin.display(description="in words")
    def in_words(self, marker: Marker) -> str:
        return words_of(marker)

    @admin.display(description="what you can do")
    def what_to_do(self, marker: Marker) -> str:
        return ADVICE[MarkerKind(marker.kind)]

    @admin.action(description="Close the chosen…", permissions=["act"])
    def close_chosen(self, request: HttpRequest, queryset: QuerySet[Marker]) -> HttpResponse | None:
        return self.over_selected(request, queryset, CLOSE)

    @action(description="Close…", url_path="close", permissions=["close"])
    def close_marker(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        marker = self.row_or_404(request, object_id)
        return self.over_selected(request, self.get_queryset(request).filter(pk=marker.pk), CLOSE)

    def has_close_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Offer it to who may close this kind, while it is open."""
        if not self.may(request, self.action_roles):
            return False
        marker = self.get_object(request, str(object_id)) if object_id is not None else None
        if marker is None:
            return True
        return marker.state == MarkerState.OPEN and marker.kind in kinds_closed(signed_in(request).role)
