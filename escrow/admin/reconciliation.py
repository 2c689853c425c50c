"""Does it add up? One page: what there is and where, the verifier's runs and findings, the wallets that stand still."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from core.dispatch import request_run
from escrow import services
from escrow.models import Finding, Freeze, Verification
from escrow.services import houses

VERIFY_ALL = "xxxchat.verify_all"
SHOWN = 50


def answer(admin: Any, request: HttpRequest, *, may_check: bool) -> HttpResponse:
    """The page; posted, it asks for a full run in the background. `may_check`: whether this person may ask."""
    if request.method == "POST" and may_check:
        _ask_for_a_run(admin, request)
        return HttpResponseRedirect(request.get_full_path())
    findings = Finding.objects.filter(cleared_at=None).order_by("-id")
    standing = Freeze.objects.filter(thawed_at=None).select_related("wallet__owner", "finding").order_by("-id")
    runs = Verification.objects.order_by("-id")
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": "Reconciliation",
        "books": houses.totals_by_currency(),
        "runs": {"Last full run": runs.filter(is_full=True).first(), "Last run": runs.first()},
        "findings": findings[:SHOWN],
        "more_findings": findings[SHOWN:].exists(),
        "standing": standing[:SHOWN],
        "more_standing": standing[SHOWN:].exists(),
        "may_check": may_check,
        "breaker": services.breaker_state(),
    }
    request.current_app = admin.admin_site.name
    return TemplateResponse(request, "admin/escrow/reconciliation.html", context)


def _ask_for_a_run(admin: Any, request: HttpRequest) -> None:
    if not request_run(VERIFY_ALL):
        told = "The broker is not reached, so no run was asked for. Run `manage.py verify_ledger` instead."
        admin.message_user(request, told, messages.ERROR)
        return
    admin.message_user(request, "A full run was asked for. Look at this page again in a minute.", messages.SUCCESS)
