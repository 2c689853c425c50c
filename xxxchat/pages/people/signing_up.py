"""Sign-up: the date of birth is asked once, under 18 makes no account, and a known address gets the same answer."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import MinimumLengthValidator, get_default_password_validators
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import services as accounts
from accounts.models import User
from compliance import services as compliance
from compliance.errors import TermsOutdated
from core import mailing
from core.errors import ValidationFailed
from core.origin import origin_of
from xxxchat import people
from xxxchat.pages.commands import whole_number
from xxxchat.pages.people.fields import EmailForm, typed
from xxxchat.pages.refusals import Refusal, refusal_of
from xxxchat.pages.responses import home_of

OLDEST_YEARS = 120
NAME_LETTERS = User._meta.get_field("username").max_length or 0
PARTS = ("day", "month", "year")


def _part(label: str, name: str) -> forms.CharField:
    widget = typed("text", f"bday-{name}", inputmode="numeric")
    return forms.CharField(label=label, max_length=4, required=False, widget=widget)


class SignUpForm(EmailForm):
    """Address, name, password, date of birth and terms. `born` is the date, if it is one."""

    username = forms.CharField(
        label="Name in the rooms",
        max_length=NAME_LETTERS,
        widget=typed("text", "username", autocapitalize="none"),
        help_text="Performers see it when you ask for something. Not your real name.",
    )
    password = forms.CharField(
        label="Password",
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(
            attrs={"class": "inp", "autocomplete": "new-password", "aria-describedby": "password-rules"}
        ),
    )
    day, month, year = _part("Day", "day"), _part("Month", "month"), _part("Year", "year")
    terms = forms.BooleanField(
        error_messages={"required": "Accept the terms to make an account."},
        widget=forms.CheckboxInput(attrs={"class": ""}),
    )
    terms_version = forms.IntegerField(min_value=1, max_value=1_000_000, widget=forms.HiddenInput)
    born: date | None = None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self.born, fault = _date(*(str(cleaned.get(name, "")) for name in PARTS))
        if fault:
            self.add_error("day", fault)
        given = {name: str(cleaned.get(name, "")) for name in ("username", "email", "password")}
        for name, faults in accounts.faults_of(**given).items():
            if name in cleaned:
                self.add_error(name, faults)
        return cleaned

    @property
    def least(self) -> int:
        """How many characters a password has at least."""
        validators = get_default_password_validators()
        return next(each.min_length for each in validators if isinstance(each, MinimumLengthValidator))

    @property
    def of_birth(self) -> list[forms.BoundField]:
        return [self[name] for name in PARTS]

    @property
    def birth_faults(self) -> list[str]:
        return [str(fault) for field in self.of_birth for fault in field.errors]


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Show the form, or make an account and send the link that confirms its address.

    Raises:
        Throttled: too many forms from this network address, or mails to this one.
    """
    if isinstance(request.user, User):
        return HttpResponseRedirect(home_of(request.user.role))
    version = compliance.current_terms_version()
    if request.method != "POST":
        return _shown(request, SignUpForm(initial={"terms_version": version}))
    form = SignUpForm(request.POST)
    is_sound = form.is_valid()
    from_day = compliance.may_sign_up_from(form.born) if form.born else None
    if from_day is not None:
        facts = {"born": form.born, "from_day": from_day, "support": settings.SUPPORT_ADDRESS}
        return render(request, "pages/people/sign_up_refused.html", facts, status=403)
    if not is_sound or form.born is None:
        return _shown(request, form, status=400)
    return _made(request, form, form.born, version)


def _made(request: HttpRequest, form: SignUpForm, born: date, version: int) -> HttpResponse:
    given = {name: form.cleaned_data[name] for name in ("username", "email", "password", "terms_version")}
    accounts.count_form(request, accounts.SIGN_UPS)
    accounts.count_mail(given["email"])
    try:
        user = people.sign_up(**given, date_of_birth=born, region=origin_of(request).region)
    except TermsOutdated as error:
        again = request.POST.copy()
        again["terms_version"] = str(version)
        form.data = again
        return _shown(request, form, status=409, refusal=refusal_of(error))
    except ValidationFailed as error:
        form.add_error("username", error.details["username"])
        return _shown(request, form, status=400)
    if user is None:
        holder = accounts.holder_of(given["email"])
        mailing.send(request, "known", given["email"], username=holder.username if holder else "")
    else:
        mailing.send(request, "confirm", user.email, key=accounts.confirmation_key(user))
    facts = {"email": given["email"], "until": datetime.now(UTC) + timedelta(days=1)}
    return render(request, "pages/people/sign_up_sent.html", facts)


def _shown(
    request: HttpRequest, form: SignUpForm, *, status: int = 200, refusal: Refusal | None = None
) -> HttpResponse:
    form.flag()
    return render(request, "pages/people/sign_up.html", {"form": form, "refusal": refusal}, status=status)


def _date(day: str, month: str, year: str) -> tuple[date | None, str]:
    """Return the date that three fields name, or what is wrong with them."""
    numbers = [whole_number(text.strip()) for text in (year, month, day)]
    if None in numbers:
        return None, "Day, month and year, in figures."
    wanted, month_number, day_number = (number or 0 for number in numbers)
    today = datetime.now(UTC).date()
    if not today.year - OLDEST_YEARS <= wanted <= today.year or not 1 <= month_number <= 12:
        return None, "This is no date of birth."
    days = monthrange(wanted, month_number)[1]
    if not 1 <= day_number <= days:
        return None, f"This day does not exist: {date(wanted, month_number, 1):%B} has {days} days."
    born = date(wanted, month_number, day_number)
    return (None, "This date is still to come.") if born > today else (born, "")
