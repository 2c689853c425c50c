"""Ending one's sessions, on the account page."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts import services as accounts
from core.errors import NotFound
from xxxchat.pages.commands import signed_in, whole_number


@login_required
@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """End one session or application. Raises NotFound: it has ended, or is not one of this person's."""
    place_id = whole_number(request.POST.get("place", ""))
    if place_id is None:
        raise NotFound
    device = accounts.end_place(user=signed_in(request), place_id=place_id)
    messages.success(request, f"Signed out of {device}.")
    return HttpResponseRedirect(reverse("account"))


@login_required
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """End all sessions and applications but this session."""
    accounts.end_other_places(request)
    messages.success(request, "Everything else is signed out.")
    return HttpResponseRedirect(reverse("account"))
