"""Queue items and their transitions: read-only, with the actions of support."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts import backoffice
from accounts.models import STAFF_ROLES, SUPPORT_ROLES
from perfqueue import services
from perfqueue.admin.filters import Age, MaxTokens, MinTokens, Overdue
from perfqueue.admin.item_actions import REFUND, RESOLVE, SPLIT, START, RunPage, RunText
from perfqueue.models import Fulfilment, QueueItem, State, Transition

DUE_COMMANDS = {State.CREATED: "start", State.STARTED: "finish", State.ABANDONED: "decide"}

backoffice.register_related("escrow.hold", "Queue item", "perfqueue.queueitem")
backoffice.register_related("perfqueue.queueitem", "Transitions", "perfqueue.transition")
backoffice.register_related("perfqueue.queueitem", "Operations of its hold", "escrow.operation", by="hold_id")
backoffice.register_related("perfqueue.queueitem", "Entries of its hold", "escrow.entry", by="hold_id")
backoffice.register_related(
    "perfqueue.queueitem", "Events of its room", "live.eventrow", within=("room", "performer_id")
)
backoffice.register_related("perfqueue.queueitem", "Strikes", "perfqueue.strike")
backoffice.register_related("perfqueue.queueitem", "Runs of staff", "perfqueue.runitem")


class TransitionInline(backoffice.RoleInline):
    model = Transition
    view_roles = backoffice.BACK_OFFICE_ROLES
    owner_path, parent_owner_path = "item__performer", "performer"
    fields = readonly_fields = ("at", "from_state", "to_state", "actor", "cause", "reason", "request_id")
    ordering = ("id",)


@admin.register(QueueItem)
class QueueItemAdmin(backoffice.ActionAdmin):
    """Staff see every item; a performer sees the performed items of her own queue."""

    view_roles = backoffice.BACK_OFFICE_ROLES
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
        "cause",
        "reason",
    )
    list_filter = (
        "state",
        "fulfilment",
        Overdue,
        Age,
        MinTokens,
        MaxTokens,
        backoffice.person_filter("performer"),
        backoffice.person_filter("user"),
        backoffice.exact_filter("source_feature", parameter="feature"),
        backoffice.exact_filter("idempotency_key", parameter="key", title="intake key"),
    )
    list_select_related = ("performer", "user")
    id_fields = ("pk", "user", "performer", "hold")
    person_fields = ("user", "performer")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[QueueItem]:
        items: QuerySet[QueueItem] = super().get_queryset(request)
        return items.filter(fulfilment=Fulfilment.PERFORMED) if backoffice.is_performer(request) else items

    @admin.display(description="held", ordering="tokens")
    def held(self, item: QueueItem) -> str:
        return f"{item.tokens:,} {item.currency}"

    @admin.display(description="by when")
    def due(self, item: QueueItem) -> str:
        """Return the next deadline and what it is for."""
        if item.state == State.CREATED and item.rope_drop_at is not None:
            return f"start by {item.rope_drop_at:%H:%M:%S}"
        deadlines = {State.CREATED: item.max_wait_at, State.STARTED: item.deadline_at, State.ABANDONED: item.resolve_by}
        at = deadlines.get(State(item.state))
        return f"{DUE_COMMANDS[item.state]} by {at:%H:%M:%S}" if at is not None else "-"

    @admin.display(description="came to")
    def outcome(self, item: QueueItem) -> str:
        parts = ((item.settle_tokens, "paid"), (item.refund_tokens, "back"))
        return ", ".join(f"{tokens:,} {verb}" for tokens, verb in parts if tokens) or "-"

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
        return self.over_selected(request, queryset.select_related("performer", "user"), START)

    def _over_many(self, request: HttpRequest, queryset: QuerySet[QueueItem], text: RunText) -> HttpResponse | None:
        page = RunPage(self, request, text, queryset)
        if len(page.ids) <= services.MAX_RUN_ITEMS:
            return page.response()
        refusal = f"{services.MAX_RUN_ITEMS} items are the most at once. Narrow the list down. Nothing was changed."
        self.message_user(request, refusal, messages.ERROR)
        return None


@admin.register(Transition)
class TransitionAdmin(backoffice.RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("at", "item_id", "from_state", "to_state", "actor", "cause", "reason", "request_id")
    list_display_links = ("at",)
    fields = ("id", "at", "item", "from_state", "to_state", "actor", "cause", "reason", "request_id")
    id_fields = ("pk", "item", "actor")
    ordering = ("-id",)
