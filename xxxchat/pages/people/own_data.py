"""The file with what is held about oneself: asked for, made by a worker, downloaded."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts import services as accounts
from core.dispatch import request_run
from xxxchat import exporting
from xxxchat.pages.commands import signed_in


@login_required
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Have a file made. While one is being made nothing happens. Raises Throttled: too many within the hour."""
    if accounts.ask_export(signed_in(request).pk):
        request_run(exporting.TASK)  # without a broker beat's next round finds it
        messages.success(request, "Your file is being made.")
    return HttpResponseRedirect(f"{reverse('account')}#data")


@login_required
@require_GET
def state(request: HttpRequest) -> HttpResponse:
    """How far the file is; the page reads it again while it is being made."""
    return render(request, "pages/account/data.html", {"export": accounts.export_of(signed_in(request).pk)})


@login_required
@require_POST
def download(request: HttpRequest) -> StreamingHttpResponse:
    """Answer one's own file. Raises ExportGone: none is kept; Throttled: too many downloads within the hour."""
    size, pieces = accounts.export_file(signed_in(request).pk)
    response = StreamingHttpResponse(pieces, content_type="application/json")
    response["Content-Length"] = str(size)
    response["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response
