"""The reconciliation page: balances by account, the verifier's runs and open findings, and frozen wallets."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.backoffice import RoleAdmin
from core.dispatch import request_run
from escrow import services
from escrow.models import Finding, Freeze, Verification
from escrow.services import houses

VERIFY_ALL = "xxxchat.verify_all"
MAX_SHOWN_ROWS = 50


def response(admin: RoleAdmin, request: HttpRequest, *, may_verify: bool) -> HttpResponse:
    """Return the page; on POST, start a full run in the background if the user may."""
    if request.method == "POST" and may_verify:
        _start_full_run(admin, request)
        return HttpResponseRedirect(request.get_full_path())
    findings = Finding.objects.filter(cleared_at=None).order_by("-id")
    freezes = Freeze.objects.filter(thawed_at=None).select_related("wallet__owner", "finding").order_by("-id")
    runs = Verification.objects.order_by("-id")
    return admin.page(
        request,
        "admin/escrow/reconciliation.html",
        "Reconciliation",
        books=houses.totals_by_currency(),
        runs={"Last full run": runs.filter(is_full=True).first(), "Last run": runs.first()},
        findings=findings[:MAX_SHOWN_ROWS],
        more_findings=findings[MAX_SHOWN_ROWS:].exists(),
        freezes=freezes[:MAX_SHOWN_ROWS],
        more_freezes=freezes[MAX_SHOWN_ROWS:].exists(),
        may_verify=may_verify,
        breaker=services.breaker_state(),
    )


def _start_full_run(admin: RoleAdmin, request: HttpRequest) -> None:
    if not request_run(VERIFY_ALL):
        text = "The broker is not reached, so no run was asked for. Run `manage.py verify_ledger` instead."
        admin.message_user(request, text, messages.ERROR)
        return
    admin.message_user(request, "A full run was asked for. Look at this page again in a minute.", messages.SUCCESS)
