"""Operations in the back office: the page of RedRoomRewards, every operation, and dead letters sent again."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action

from accounts.backoffice import Action, ActionAdmin, exact_filter, person_filter, register_related
from accounts.models import User
from core.dispatch import request_run
from core.fields import UUID_TEXT
from loyalty.admin import page
from loyalty.admin.roles import EXPORTERS, REPORT_READERS
from loyalty.admin.words import short_source, short_user
from loyalty.models import RemoteOperation
from loyalty.services.dead_letters import RETRY_ROLES, send_again
from loyalty.services.overview import READERS

KEYS = (
    *(f"spin-{{}}-{step}" for step in ("deduct", "credit", "refund")),
    *("order-{}-earn", "order-{}-reversal", "tip-{}-earn"),
)
"""Under which keys the operations of a spin, an order or a tip are found."""
RECONCILE = "loyalty.reconcile"

register_related("slots.spin", "RedRoomRewards", "loyalty.remoteoperation")
register_related("escrow.order", "RedRoomRewards", "loyalty.remoteoperation")
register_related("loyalty.remoteoperation", "Spin, order or tip", "slots.spin", by="source")
register_related("loyalty.remoteoperation", "The same source", "loyalty.remoteoperation", by="source")
register_related("loyalty.remoteoperation", "Link", "loyalty.link", by="user_id")


def _send_again(operation: RemoteOperation, actor: User, reason: str) -> str:
    send_again(operation_id=operation.pk, reason=reason, actor=actor)
    return "queued"


SEND_AGAIN = Action(
    name="send_again",
    title="Send dead letters again",
    button="Send again",
    possible="can be sent again",
    done="queued",
    columns=("Operation", "Person", "Last answer"),
    warning="Each goes out under its old key, so RedRoomRewards applies it once, also if it did before.",
    cells=lambda row: (f"{row.kind} of {short_source(row.key)}", short_user(row.user_id), row.error),
    execute=_send_again,
    amount=lambda row: ("points", row.amount),
)


@admin.register(RemoteOperation)
class RemoteOperationAdmin(ActionAdmin):
    """What was, or is to be, changed in RedRoomRewards. Only dead letters are acted on; the rest goes by itself."""

    view_roles = READERS
    action_roles = RETRY_ROLES
    actions = ("send_again",)
    actions_list = ("overview",)
    list_display = ("key", "user_short", "kind", "amount", "state", "attempts", "due_at", "created_at", "error")
    list_filter = ("state", "kind", exact_filter("error", title="last answer"), person_filter("user"))
    id_fields = ("pk", "user")
    search_fields = ("=key",)
    search_help_text = "The id of an operation, a spin, an order, a tip or a person; a key; a user name"
    person_fields = ("user",)
    readonly_fields = ("user_short",)
    ordering = ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find rows by what they are for too, through their keys."""
        term = search_term.strip().lower()
        if not UUID_TEXT.match(term):
            return super().get_search_results(request, queryset, search_term)
        keys = [key.format(term) for key in KEYS]
        return queryset.filter(Q(pk=UUID(term)) | Q(user=UUID(term)) | Q(key__in=keys)), False

    @admin.display(description="user", ordering="user_id")
    def user_short(self, operation: RemoteOperation) -> str:
        return short_user(operation.user_id)

    @admin.action(description="Send the chosen again…", permissions=["act"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[RemoteOperation]) -> HttpResponse | None:
        return self.over_selected(request, queryset, SEND_AGAIN)

    @action(description="RedRoomRewards", url_path="overview", permissions=["read"])
    def overview(self, request: HttpRequest) -> HttpResponse:
        """Show the page; on POST, have reconciliation run now, for who may send letters again."""
        if request.method == "POST" and self.has_act_permission(request):
            self._reconcile(request)
            return HttpResponseRedirect(reverse("admin:loyalty_remoteoperation_overview"))
        return page.response(
            self,
            request,
            may_send=self.has_act_permission(request),
            may_read_report=self.may(request, REPORT_READERS),
            may_export=self.may(request, EXPORTERS),
        )

    def has_read_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return self.may(request, self.view_roles)

    def _reconcile(self, request: HttpRequest) -> None:
        if request_run(RECONCILE):
            self.message_user(request, "Asked for. What waits is asked for again in a moment.", messages.SUCCESS)
        else:
            text = "The broker is not reached, so nothing was asked for. The task runs by itself once it is back."
            self.message_user(request, text, messages.ERROR)
