"""Asking the others who may approve a paytable to look at it, and what its page says of that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.backoffice import ActionAdmin, signed_in
from accounts.models import User
from core import mailing
from core.db import command
from core.errors import DomainError
from slots import services
from slots.models import Paytable

MOST_NAMED = 3


@dataclass(frozen=True)
class Request:
    """Whom somebody asked at one time, in words."""

    names: str
    asked_by: str
    at: datetime


def ask(model_admin: ActionAdmin, request: HttpRequest, paytable: Paytable) -> HttpResponse:
    """Ask, with an audit row; mail those asked after the commit; say on the paytable's page what was done."""
    actor, address = signed_in(request), model_admin.address_of(paytable)

    def work() -> list[User]:
        asked = services.ask_for_review(paytable_id=paytable.pk, actor=actor)
        model_admin.log_change(request, paytable, f"Asked to look: {len(asked)}.")
        return asked

    try:
        asked = command(work)
    except DomainError as refusal:
        messages.error(request, f"{refusal} ({refusal.code}). Nobody was asked.")
        return HttpResponseRedirect(address)
    facts = {"paytable": paytable, "asker": actor.username, "address": address}
    if all(mailing.send(request, "review", each.email, **facts) for each in asked):  # one failure is enough to wait for
        messages.success(request, f"{in_words([each.username for each in asked])} asked by e-mail to look.")
    else:
        messages.warning(request, "The request is noted, but the e-mail could not be sent. Tell them yourself.")
    return HttpResponseRedirect(address)


def requests_of(paytable: Paytable) -> list[Request]:
    """Who was asked to look at a paytable, the last first."""
    asked = groupby(services.review_requests(paytable.pk), key=lambda row: (row.asked_at, row.asked_by.username))
    return [Request(in_words([row.asked.username for row in rows]), by, at) for (at, by), rows in asked]


def in_words(names: Sequence[str]) -> str:
    """Names as a list: "nora", "nora and piet", "nora, piet, quinn and others"."""
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[:MOST_NAMED])} and others"
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)
