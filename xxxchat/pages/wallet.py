"""Balances, in words."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from xxxchat.pages.room import viewer_of
from xxxchat.pages.slots_card import slots_card_of


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    card = slots_card_of(viewer_of(request))
    return render(request, "pages/wallet.html", {"spins_left": card.spins_left if card else None})
