"""Links in the back office: looked up by person or membership, ended with a reason."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from accounts.backoffice import Action, ActionAdmin, person_filter, register_related
from accounts.models import User
from loyalty.admin.roles import UNLINKERS
from loyalty.models import Link
from loyalty.services.linking import unlink
from loyalty.services.overview import READERS

register_related("accounts.user", "RedRoomRewards links", "loyalty.link")
register_related("loyalty.link", "Operations", "loyalty.remoteoperation", by="user_id")
register_related("loyalty.link", "Events", "loyalty.webhookevent", by="user_id")


def _unlink(link: Link, actor: User, reason: str) -> str:
    unlink(link_id=link.pk, actor=actor, reason=reason)
    return "unlinked"


UNLINK = Action(
    name="unlink_chosen",
    title="Unlink memberships",
    button="Unlink",
    possible="can be unlinked",
    done="unlinked",
    columns=("Person", "Membership", "Linked"),
    warning="The person cannot spin until they link again, this or another membership. RedRoomRewards is not told; "
    "what is on its way is still delivered.",
    cells=lambda link: (link.user.username, link.member_id, f"{link.linked_at:%-d %b %Y, %H:%M}"),
    execute=_unlink,
)


@admin.register(Link)
class LinkAdmin(ActionAdmin):
    """Who is linked to which membership, and who was. A link is never removed."""

    view_roles = READERS
    action_roles = UNLINKERS
    actions = ("unlink_chosen",)
    actions_detail = ("unlink_link",)
    list_display = ("user", "member_id", "linked_at", "unlinked_at", "unlinked_by", "reason")
    list_filter = (("unlinked_at", admin.EmptyFieldListFilter), person_filter("user"))
    list_select_related = ("user", "unlinked_by")
    search_fields = ("=member_id",)
    search_help_text = "A member number, a user name or an id"
    id_fields = ("pk", "user")
    person_fields = ("user",)
    ordering = ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a membership by its whole number too, which may have spaces in it."""
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        term = search_term.strip()
        if term and " " in term:
            found |= queryset.filter(member_id=term)
        return found, may_have_duplicates

    @admin.action(description="Unlink the chosen…", permissions=["act"])
    def unlink_chosen(self, request: HttpRequest, queryset: QuerySet[Link]) -> HttpResponse | None:
        return self.over_selected(request, queryset.select_related("user"), UNLINK)

    @action(description="Unlink…", url_path="unlink", permissions=["unlink"])
    def unlink_link(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        link = self.row_or_404(request, object_id)
        return self.over_selected(request, self.get_queryset(request).filter(pk=link.pk).select_related("user"), UNLINK)

    def has_unlink_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Offer it to support while the link holds."""
        if not self.may(request, self.action_roles):
            return False
        link = self.get_object(request, str(object_id)) if object_id is not None else None
        return link is None or link.unlinked_at is None
