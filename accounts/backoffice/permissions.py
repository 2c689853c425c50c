"""Django admin's permission questions, answered by role and by the owner of a row.

``is_staff``, ``is_superuser``, groups and Django's permission rows are not consulted.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.backoffice.ids import RowChoiceField
from accounts.backoffice.roles import is_performer, may_enter
from accounts.models import Role, User

if TYPE_CHECKING:
    from django.contrib.admin.options import BaseModelAdmin
else:
    BaseModelAdmin = object  # the classes that derive from RolePermissions bring unfold's

NO_ROLES: frozenset[str] = frozenset()


class RolePermissions(BaseModelAdmin):
    """Deny by default; ``view_roles`` alone means read-only.

    ``owner_path`` leads from a row to its performer (``"menu__owner"``). A performer reaches only rows of her own, and
    none at all without ``owner_path``, whatever the role sets contain.
    """

    view_roles: frozenset[str] = NO_ROLES
    add_roles: frozenset[str] = NO_ROLES
    change_roles: frozenset[str] = NO_ROLES
    delete_roles: frozenset[str] = NO_ROLES
    owner_path: str | None = None

    def may(self, request: HttpRequest, roles: Iterable[str], obj: Model | None = None) -> bool:
        """Return whether the user's role is among ``roles`` and, for a performer, whether the row is her own."""
        user = request.user
        if not isinstance(user, User) or not may_enter(user) or user.role not in roles:
            return False
        if user.role != Role.PERFORMER:
            return True
        return self.owner_path is not None and (obj is None or self.owner_id(obj) == user.pk)

    def owner_id(self, obj: Model) -> UUID | None:
        """Follow ``owner_path`` from a row to the performer's id."""
        *steps, last = str(self.owner_path).split("__")
        for step in steps:
            obj = getattr(obj, step)
        owner: UUID | None = getattr(obj, f"{last}_id")
        return owner

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may(request, self.view_roles)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.view_roles, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.add_roles, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.change_roles, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, self.delete_roles, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Narrow every list, look-up, autocomplete and action of a performer to her own rows."""
        rows = super().get_queryset(request)
        if is_performer(request):
            return rows.filter(**{self.owner_path: request.user.pk}) if self.owner_path else rows.none()
        return rows if may_enter(request.user) else rows.none()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer only rows that the user may open; the posted id of another owner's row is an invalid choice."""
        related = self.admin_site._registry.get(db_field.remote_field.model)
        if related is not None:
            kwargs.setdefault("queryset", related.get_queryset(request))
        kwargs.setdefault("form_class", RowChoiceField)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
