"""Nightly reports in the back office: read-only. Nothing is corrected by itself."""

from django.contrib import admin

from accounts.backoffice import RoleAdmin, person_filter, register_related
from loyalty.admin.roles import REPORT_READERS
from loyalty.models import Difference, ReconciliationRun

register_related("loyalty.reconciliationrun", "Differences", "loyalty.difference")
register_related("loyalty.difference", "Operations", "loyalty.remoteoperation", by="source")
register_related("loyalty.difference", "Spin", "slots.spin", by="source")


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(RoleAdmin):
    """One row a night."""

    view_roles = REPORT_READERS
    list_display = ("day", "started_at", "ended_at", "users", "entries", "clearing_here", "clearing_there")
    ordering = ("-id",)


@admin.register(Difference)
class DifferenceAdmin(RoleAdmin):
    """What differed, by night."""

    view_roles = REPORT_READERS
    list_display = ("key", "kind", "user", "here", "there", "run")
    list_filter = ("kind", person_filter("user"))
    list_select_related = ("user", "run")
    id_fields = ("pk", "user", "run")
    person_fields = ("user",)
    ordering = ("-id",)
