"""The back office: one admin site for staff and performers, its base classes, filters and actions."""

from accounts.backoffice.actions import (
    MAX_SELECTED_ROWS,
    Action,
    ActionAdmin,
    ActionPage,
    ActionText,
    Preview,
    ReasonForm,
    RowPage,
    RowResult,
    same_rows,
    sums_by_currency,
)
from accounts.backoffice.filters import ExactFilter, exact_filter, person_filter
from accounts.backoffice.lists import RoleAdmin, RoleInline, filters_checked
from accounts.backoffice.people import PeopleAdmin
from accounts.backoffice.related import register_related
from accounts.backoffice.roles import BACK_OFFICE_ROLES, is_performer, signed_in
