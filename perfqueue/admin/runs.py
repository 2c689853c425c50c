"""Runs of staff over many items: a run's page shows its progress and each item's result."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.backoffice import RoleAdmin, exact_filter, person_filter, register_related
from accounts.models import STAFF_ROLES
from perfqueue import services
from perfqueue.models import Run, RunItem

MAX_SHOWN_RESULTS = 50

register_related("perfqueue.run", "Its items", "perfqueue.runitem")
register_related("perfqueue.runitem", "Queue item", "perfqueue.queueitem", by="item_id")


@admin.register(Run)
class RunAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("id", "created_at", "action", "actor", "reason", "total", "ended_at")
    list_filter = ("action", person_filter("actor", title="by"))
    list_select_related = ("actor",)
    id_fields = ("pk", "actor")
    person_fields = ("actor",)
    ordering = ("-id",)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        run: Run | None = self.get_object(request, object_id)
        if run is None or request.method != "GET":
            return super().change_view(request, object_id, form_url, extra_context)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        return self._run_page(request, run, object_id)

    def _run_page(self, request: HttpRequest, run: Run, object_id: str) -> HttpResponse:
        """Show progress, tokens moved and the first results; the page reloads itself until the run has ended."""
        results = list(services.results(run)[: MAX_SHOWN_RESULTS + 1])
        return self.page(
            request,
            "admin/perfqueue/run.html",
            f"{run.get_action_display()}: {run.total} item{'s' if run.total != 1 else ''}",
            run=run,
            related=self.related(request, object_id),
            filters=(run.filters or {}).items(),
            progress=services.progress(run),
            results=results[:MAX_SHOWN_RESULTS],
            more=len(results) > MAX_SHOWN_RESULTS,
            all_results=f"{reverse('admin:perfqueue_runitem_changelist')}?q={run.pk}",
        )


@admin.register(RunItem)
class RunItemAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("id", "run_id", "item_id", "done_at", "code", "settled", "refunded")
    list_filter = (exact_filter("code", title="refused with code"),)
    id_fields = ("pk", "run", "item_id")
    ordering = ("id",)
