"""Linking a RedRoomRewards membership: a code, what is shown for it there, and the membership once it is linked."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Role, User
from core.envelope import STATUS, headers_of
from core.errors import DomainError, NotFound, RoleNotAllowed, ValidationFailed
from core.fields import UUID_TEXT
from loyalty import services
from loyalty.errors import AlreadyLinked, CodeRunOut, LoyaltyUnavailable, MemberTaken
from xxxchat.pages import commands, responses
from xxxchat.pages.people.fields import FlaggedForm, typed
from xxxchat.pages.refusals import Refusal, refusal_of

TAKEN = "This membership is linked to another account. Write to support."


class LinkForm(FlaggedForm):
    """What RedRoomRewards shows for a code. Nothing of it is kept but the membership's number."""

    member = forms.CharField(label="Member number", max_length=128, widget=typed("text", "off", spellcheck="false"))
    proof = forms.CharField(
        label="Confirmation",
        max_length=200,
        widget=typed("text", "one-time-code", inputmode="numeric", spellcheck="false"),
        help_text="Proves that the membership is yours.",
    )


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the two steps with the code that is still good, or the membership that is linked with its balance."""
    user = _player(request)
    return _shown(request, user, LinkForm())


@login_required
@require_POST
def code(request: HttpRequest) -> HttpResponse:
    """Ask RedRoomRewards for a code. Without a script the page follows, with one the two steps."""
    user, refusal = _player(request), None
    try:
        services.start_link(user_id=user.pk)
    except AlreadyLinked:
        return _led_to_page(request)
    except LoyaltyUnavailable as error:
        refusal = error
    if not responses.is_htmx(request) and refusal is None:
        return HttpResponseRedirect(reverse("loyalty"))
    form = LinkForm(initial={"member": request.POST.get("member", "")[:128]})
    return _shown(request, user, form, refusal)


@sensitive_post_parameters("proof")
@login_required
@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """Link the membership that the form names, if RedRoomRewards takes the proof."""
    user, form = _player(request), LinkForm(request.POST)
    intent = request.POST.get("intent", "")
    if not form.is_valid() or not UUID_TEXT.match(intent):
        return _shown(request, user, form, ValidationFailed())
    refusal: DomainError
    try:
        services.confirm_link(
            user_id=user.pk,
            intent_id=UUID(intent),
            member_id=form.cleaned_data["member"],
            proof=services.Proof(services.SHOWN_CODE, form.cleaned_data["proof"]),
        )
        return HttpResponseRedirect(reverse("loyalty"))
    except AlreadyLinked:
        return HttpResponseRedirect(reverse("loyalty"))
    except MemberTaken as error:
        form.add_error("member", TAKEN)
        refusal = error
    except ValidationFailed as error:
        form.add_error("proof", "This does not fit the member number and the code. The code stays good.")
        refusal = error
    except (CodeRunOut, NotFound, LoyaltyUnavailable) as error:
        refusal = error
    return _shown(request, user, form, refusal)


def _shown(request: HttpRequest, user: User, form: LinkForm, refusal: DomainError | None = None) -> HttpResponse:
    form.flag()
    link, intent = services.link_of(user.pk), services.open_intent_of(user.pk)
    context: dict[str, Any] = {
        "link": link,
        "points": services.points_now(user.pk) if link.linked else None,
        "intent": intent,
        "left_s": intent.seconds_left if intent else 0,
        "form": form,
        "refusal": _words(refusal, intent),
        "support": settings.SUPPORT_ADDRESS,
    }
    if responses.is_htmx(request):  # its script swaps no answer of another status
        return render(request, "pages/loyalty/steps.html", context)
    response = render(request, "pages/loyalty.html", context, status=STATUS[refusal.kind] if refusal else 200)
    for name, value in (headers_of(refusal) if refusal else {}).items():
        response.headers[name] = value
    return response


def _words(refusal: DomainError | None, intent: services.IntentView | None) -> Refusal | None:
    """What the page says besides the words under its fields."""
    match refusal:
        case None | MemberTaken() | ValidationFailed():
            return None
        case CodeRunOut():
            rest = "Take the one above." if intent else "Ask for a new one."
            return Refusal("The code has run out.", rest)
        case LoyaltyUnavailable() if intent is not None:
            until = f"{intent.expires_at:%H:%M} UTC"
            return Refusal("RedRoomRewards does not answer.", f"Your code stays good until {until}.")
    return refusal_of(refusal)


def _led_to_page(request: HttpRequest) -> HttpResponse:
    """Load the page anew: what was asked for is done already."""
    if not responses.is_htmx(request):
        return HttpResponseRedirect(reverse("loyalty"))
    answer = HttpResponse(status=204)
    answer.headers["HX-Redirect"] = reverse("loyalty")
    return answer


def _player(request: HttpRequest) -> User:
    """Return the player. Raises NotFound while points live here, RoleNotAllowed for who does not play."""
    if not services.is_remote():
        raise NotFound
    user = commands.signed_in(request)
    if user.role != Role.USER:
        raise RoleNotAllowed
    return user
