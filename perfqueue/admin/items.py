"""The board: every item to find and read. Refund, split, resolve and skip are actions with totals and a reason."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from accounts.backoffice import (
    BACK_OFFICE_ROLES,
    MAX_SELECTED_ROWS,
    Action,
    ActionAdmin,
    ActionText,
    Preview,
    ReasonForm,
    RelatedList,
    RoleAdmin,
    RoleInline,
    RowResult,
    is_performer,
    register_related,
    same_rows,
    signed_in,
    sums_by_currency,
)
from accounts.models import STAFF_ROLES, SUPPORT_ROLES, User
from core.db import command
from core.dispatch import request_run
from core.errors import DomainError
from core.fields import MAX_AMOUNT
from perfqueue import services
from perfqueue.admin.filters import Age, Buyer, Feature, Key, Least, Most, Overdue, Performer
from perfqueue.models import Fulfilment, QueueItem, State, Transition

DUE = {State.CREATED: "start", State.STARTED: "finish", State.ABANDONED: "decide"}
log = structlog.get_logger()
COLUMNS = ("Title", "Performer", "User", "State", "Held")

register_related("escrow.hold", RelatedList("Queue item", "perfqueue.queueitem"))
register_related(
    "perfqueue.queueitem",
    RelatedList("Transitions", "perfqueue.transition"),
    RelatedList("Operations of its hold", "escrow.operation", by="hold_id"),
    RelatedList("Entries of its hold", "escrow.entry", by="hold_id"),
    RelatedList("Events of its room", "live.eventrow", within=("room", "performer_id")),
    RelatedList("Strikes", "perfqueue.strike"),
    RelatedList("Runs of staff", "perfqueue.runitem"),
)


@dataclass(frozen=True)
class RunText(ActionText):
    """An action that becomes a run. `would` says in a row what is foreseen; `asks_again`: it has amounts to try out."""

    deed: services.Deed = services.Deed.REFUND
    would: str = ""
    asks_again: bool = False


class SplitForm(ReasonForm):
    """How much of each item is paid; the rest goes back."""

    settle = forms.IntegerField(
        label="Paid to the performer, from each item",
        help_text="Tokens. What is left of an item goes back to its buyer.",
        min_value=1,
        max_value=MAX_AMOUNT,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    field_order = ("settle", "reason")


REFUND = RunText(
    name="refund_items",
    title="Refund items",
    button="Refund",
    possible="items can be refunded",
    done="items refunded",
    columns=COLUMNS,
    would="refunded",
)
RESOLVE = RunText(
    name="resolve_items",
    title="End reviews in the performers' favour",
    button="Pay out",
    possible="items are under review and can be paid in full",
    done="items paid",
    columns=COLUMNS,
    would="paid in full",
    deed=services.Deed.RESOLVE,
    warning="To give back what is under review, refund it.",
)
SPLIT = RunText(
    name="split_items",
    title="Split items",
    button="Split",
    possible="items are on stage or under review and can be split",
    done="items split",
    columns=COLUMNS,
    would="split",
    deed=services.Deed.SPLIT,
    asks_again=True,
)


def _cells(item: QueueItem) -> tuple[object, ...]:
    return (item.title, item.performer or "none", item.user, item.state, f"{item.tokens} {item.currency}")


def _start(item: QueueItem, actor: User, reason: str) -> str:
    services.start(item_id=item.pk, actor=actor, reason=reason)
    return "on stage; those ahead of it keep their places"


SKIP = Action(
    name="start_items",
    title="Start out of turn",
    button="Start",
    possible="items can be started now",
    done="items started",
    columns=COLUMNS,
    cells=_cells,
    execute=_start,
    prepare=lambda item: services.expire_due(item.performer_id) if item.performer_id else None,
)


class TransitionInline(RoleInline):
    model = Transition
    view_roles = BACK_OFFICE_ROLES
    owner_path, parent_owner_path = "item__performer", "performer"
    fields = readonly_fields = ("at", "from_state", "to_state", "actor", "reason", "request_id")
    ordering = ("id",)


@admin.register(QueueItem)
class QueueItemAdmin(ActionAdmin):
    """Items, read-only. What ends many of them is a run: 50 at once, more in the background."""

    view_roles = BACK_OFFICE_ROLES
    action_roles = SUPPORT_ROLES
    owner_path = "performer"
    inlines = (TransitionInline,)
    actions = ("refund_items", "split_items", "resolve_items", "start_items")
    list_display = (
        "title",
        "state",
        "performer",
        "user",
        "held",
        "due",
        "outcome",
        "feature",
        "asked",
        "reason",
    )
    list_filter = ("state", "fulfilment", Overdue, Age, Least, Most, Performer, Buyer, Feature, Key)
    list_select_related = ("performer", "user")
    id_fields = ("pk", "user", "performer", "hold")
    person_fields = ("user", "performer")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[QueueItem]:
        items: QuerySet[QueueItem] = super().get_queryset(request)
        return items.filter(fulfilment=Fulfilment.PERFORMED) if is_performer(request) else items

    @admin.display(description="held", ordering="tokens")
    def held(self, item: QueueItem) -> str:
        return f"{item.tokens:,} {item.currency}"

    @admin.display(description="by when")
    def due(self, item: QueueItem) -> str:
        """What time decides next, and when it does."""
        if item.state == State.CREATED and item.rope_drop_at is not None:
            return f"start by {item.rope_drop_at:%H:%M:%S}"
        moments = {State.CREATED: item.max_wait_at, State.STARTED: item.deadline_at, State.ABANDONED: item.resolve_by}
        moment = moments.get(State(item.state))
        return f"{DUE[item.state]} by {moment:%H:%M:%S}" if moment is not None else "-"

    @admin.display(description="came to")
    def outcome(self, item: QueueItem) -> str:
        parts = ((item.settle_tokens, "paid"), (item.refund_tokens, "back"))
        return ", ".join(f"{tokens:,} {word}" for tokens, word in parts if tokens) or "-"

    @admin.display(description="feature", ordering="source_feature")
    def feature(self, item: QueueItem) -> str:
        return item.source_feature

    @admin.display(description="asked", ordering="created_at")
    def asked(self, item: QueueItem) -> str:
        return f"{item.created_at:%d %b %H:%M:%S}"

    @admin.action(description="Refund the chosen items…", permissions=["act"])
    def refund_items(self, request: HttpRequest, queryset: QuerySet[QueueItem]) -> HttpResponse | None:
        return self._over_many(request, queryset, REFUND)

    @admin.action(description="Split the chosen items…", permissions=["act"])
    def split_items(self, request: HttpRequest, queryset: QuerySet[QueueItem]) -> HttpResponse | None:
        return self._over_many(request, queryset, SPLIT)

    @admin.action(description="Pay the chosen items under review…", permissions=["act"])
    def resolve_items(self, request: HttpRequest, queryset: QuerySet[QueueItem]) -> HttpResponse | None:
        return self._over_many(request, queryset, RESOLVE)

    @admin.action(description="Start the chosen items out of turn…", permissions=["act"])
    def start_items(self, request: HttpRequest, queryset: QuerySet[QueueItem]) -> HttpResponse | None:
        return self.over_selected(request, queryset.select_related("performer", "user"), SKIP)

    def _over_many(self, request: HttpRequest, queryset: QuerySet[QueueItem], words: RunText) -> HttpResponse | None:
        """What it would come to, with its form; posted with `apply` and a reason, the run."""
        ids = list(queryset.order_by("id").values_list("id", flat=True)[: services.MOST_IN_RUN + 1])
        if len(ids) > services.MOST_IN_RUN:
            told = f"{services.MOST_IN_RUN} items are the most at once. Narrow the list down. Nothing was changed."
            self.message_user(request, told, messages.ERROR)
            return None
        answered = {"apply", "preview"} & set(request.POST)
        form = (SplitForm if words.deed == services.Deed.SPLIT else ReasonForm)(request.POST if answered else None)
        if form.is_valid() and "apply" in request.POST:
            if len(ids) <= MAX_SELECTED_ROWS or request.POST.get("seen") == _digest(ids):
                return self._run(request, ids, words, form)
            self.message_user(request, "Other items match now than before. Look again.", messages.WARNING)
        settle = form.cleaned_data.get("settle") if form.is_bound else None
        return self.action_page(request, words, self._preview(ids, words, settle), form)

    def _preview(self, ids: Sequence[UUID], words: RunText, settle: int | None) -> Preview:
        foreseen = services.foresee(item_ids=ids, deed=words.deed, settle=settle)
        willing = [each for each in foreseen if each.code is None]
        shown = QueueItem.objects.select_related("performer", "user").in_bulk(ids[:MAX_SELECTED_ROWS])
        results = [
            self._row(shown[each.item_id], each, words, settle)
            for each in foreseen[:MAX_SELECTED_ROWS]
            if each.item_id in shown
        ]
        few = len(ids) <= MAX_SELECTED_ROWS
        return Preview(
            results=results,
            possible=len(willing),
            selected=len(ids),
            totals=_totals(willing, settle),
            hidden=same_rows(shown.values())
            if few
            else [(ACTION_CHECKBOX_NAME, ids[0]), ("select_across", "1"), ("seen", _digest(ids))],
        )

    def _row(self, item: QueueItem, foreseen: services.Outcome, words: RunText, settle: int | None) -> RowResult:
        said = words.would if settle is None else f"{settle} paid, {item.tokens - settle} back"
        refused = f"refused: {foreseen.code}" if foreseen.code else ""
        return RowResult(item, self.address_of(item), _cells(item), refused or said, bool(refused))

    def _run(self, request: HttpRequest, ids: Sequence[UUID], words: RunText, form: ReasonForm) -> HttpResponse:
        """Write the run down; do it here if it is short. Its page tells the rest."""
        said, actor = form.cleaned_data, signed_in(request)
        run = command(
            lambda: services.open_run(
                deed=words.deed, item_ids=ids, actor=actor, reason=said["reason"], settle=said.get("settle")
            )
        )
        if len(ids) > MAX_SELECTED_ROWS or not _worked_here(run):
            request_run(services.WORK)
        return HttpResponseRedirect(reverse("admin:perfqueue_run_change", args=[run.pk]))


def _worked_here(run: services.Run) -> bool:
    """Do a short run on the spot; what cannot be done now is left to the workers, and its page says so."""
    try:
        return services.work_runs(run_id=run.pk, at_most=MAX_SELECTED_ROWS) == run.total
    except (DomainError, DatabaseError):
        log.exception("run_not_worked_here", run=str(run.pk))
        return False


def _totals(willing: Sequence[services.Outcome], settle: int | None) -> list[tuple[str, int]]:
    """What the deed concerns in all; of a split, its two parts."""
    held = sums_by_currency(("TOKEN", each.tokens) for each in willing)
    if settle is None or not held:
        return held
    paid = settle * len(willing)
    return [("TOKEN paid", paid), ("TOKEN given back", held[0][1] - paid)]


def _digest(ids: Sequence[UUID]) -> str:
    """A short name for exactly these items."""
    return hashlib.sha256(b"".join(each.bytes for each in ids)).hexdigest()[:32]


@admin.register(Transition)
class TransitionAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("at", "item_id", "from_state", "to_state", "actor", "reason", "request_id")
    list_display_links = ("at",)
    fields = ("id", "at", "item", "from_state", "to_state", "actor", "reason", "request_id")
    id_fields = ("pk", "item", "actor")
    ordering = ("-id",)
