"""Limits, breaks and exclusion: what is used, what waits and when it changes. Every form works without a script."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Role, User
from compliance import services
from core.clock import db_now
from core.db import command
from core.errors import RoleNotAllowed, ValidationFailed
from escrow.services import Currency
from xxxchat.pages import commands, responses

WINDOWS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}
TIME_OUTS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "42d": "42 days"}
EXCLUSIONS = {"6m": "6 months", "12m": "12 months", "5y": "5 years", "forGood": "For good"}


@dataclass(frozen=True)
class WindowCard:
    """One window as the page shows it. `is_ready`: what waits may be confirmed now."""

    row: Any
    title: str
    suggested: int | None
    is_ready: bool
    back: services.ComesBack | None = None

    @property
    def offered(self) -> int | None:
        """The limit that the form begins with."""
        limit: int | None = self.suggested or self.row.limit
        return limit

    @property
    def adjective(self) -> str:
        """The window before a noun: "24-hour"."""
        return self.title.replace(" ", "-").removesuffix("s")

    @property
    def of_whom(self) -> str:
        """Whose limit is the lower one."""
        return "your" if self.row.limit is not None and self.row.limit == self.lowest else "the house’s"

    @property
    def quick(self) -> list[tuple[str, str]]:
        """Limits to choose with one press, as what is sent and as it is read."""
        lower = [(str(self.suggested), f"{self.suggested:,}, suggested")] if self.suggested else []
        if self.row.limit and self.row.limit > 1:
            lower.append((str(self.row.limit // 2), f"{self.row.limit // 2:,}"))
        return [*lower, *([("", "No limit")] if self.row.limit else [])]

    @property
    def lowest(self) -> int | None:
        """The lower of both limits."""
        return min((each for each in (self.row.limit, self.row.operator_cap) if each is not None), default=None)


@dataclass(frozen=True)
class Choice:
    """A length of a break, and when it would end; None: never."""

    value: str
    label: str
    until: datetime | None


def tightest_of(user: User) -> WindowCard | None:
    """The window of points of which least is left; None if none has a limit."""
    limited = [row for row in services.limits_of(user=user).limits if row.currency == Currency.POINT]
    rows = [row for row in limited if row.left is not None]
    row = min(rows, key=lambda row: row.left or 0, default=None)
    return WindowCard(row, WINDOWS[row.window], suggested=None, is_ready=False) if row else None


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    user, now = _player(request), db_now()
    view, back = services.limits_of(user=user), services.next_back(user.pk)
    cards = [
        WindowCard(
            row=row,
            title=WINDOWS[row.window],
            suggested=_suggested(row),
            back=back.get((row.currency, row.window)),
            is_ready=row.pending is not None and row.pending.effective_at <= now,
        )
        for row in view.limits
    ]
    context = {
        "points": [card for card in cards if card.row.currency == Currency.POINT],
        "tokens": [card for card in cards if card.row.currency == Currency.TOKEN],
        "view": view,
        "now": now,
        "reality_minutes": _minutes_until(view.reality_due_at, now),
        "support": settings.SUPPORT_ADDRESS,
        "every_minutes": services.REALITY_EVERY_MINUTES,
        "time_outs": _later(_choices(TIME_OUTS, now), view.time_out),
        "exclusions": _later(_choices(EXCLUSIONS, now), view.self_exclusion),
    }
    return render(request, "pages/limits.html", context)


@login_required
@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """Set a limit, typed or one of those offered (`choice`); the present one drops what waits; an empty field: none."""
    user = _player(request)
    field = "choice" if "choice" in request.POST else "limit"
    typed = request.POST.get(field, "").strip()

    def work() -> None:
        currency, window = _window_of(request)
        amount = commands.amount_field(request, field) if typed else None
        if amount is not None and not 1 <= amount <= services.MAX_LIMIT:
            raise ValidationFailed(form=["limit: a whole number above zero."])
        command(lambda: services.set_limit(user=user, currency=currency, window=window, amount=amount))

    result = commands.unkeyed(work, "Saved. A lower limit holds from now; a higher one waits 24 hours.")
    return responses.redirected(request, result, reverse("limits"))


@login_required
@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """Let a looser limit hold that has waited."""
    user = _player(request)

    def work() -> None:
        currency, window = _window_of(request)
        command(lambda: services.confirm_limit(user=user, currency=currency, window=window))

    return responses.redirected(request, commands.unkeyed(work, "The new limit holds from now."), reverse("limits"))


@login_required
@require_http_methods(["GET", "POST"])
def time_out(request: HttpRequest) -> HttpResponse:
    """Say what a break means and when it ends; posted, begin it."""
    return _break(request, "pages/limits/time_out.html", TIME_OUTS, services.take_time_out)


@login_required
@require_http_methods(["GET", "POST"])
def exclusion(request: HttpRequest) -> HttpResponse:
    """Warn that an exclusion cannot be undone, and say when it ends; posted, begin it."""
    return _break(request, "pages/limits/exclusion.html", EXCLUSIONS, services.exclude_self)


def _break(
    request: HttpRequest, template: str, lengths: dict[str, str], begin: Callable[..., services.BreakView]
) -> HttpResponse:
    user, now = _player(request), db_now()
    duration = (request.POST or request.GET).get("duration", "")
    chosen = next((each for each in _choices(lengths, now) if each.value == duration), None)
    if chosen is None:
        raise ValidationFailed(form=["duration: one of those on the page."])
    if request.method != "POST":
        return render(request, template, {"chosen": chosen})
    result = commands.unkeyed(
        lambda: command(lambda: begin(user=user, duration=duration)), "It began now. Nobody can end it early."
    )
    return responses.redirected(request, result, reverse("limits"))


def _suggested(row: Any) -> int | None:
    """What the page offers first: points' presets, where they are lower than one's own limit."""
    preset = services.PRESETS[row.window]
    return preset if row.currency == Currency.POINT and (row.limit is None or preset < row.limit) else None


def _minutes_until(at: datetime | None, now: datetime) -> int:
    """Minutes until then, begun ones counted; 0 when it is past, or never."""
    return 0 if at is None else max(0, -(-(at - now) // timedelta(minutes=1)))


def _player(request: HttpRequest) -> User:
    """Return the signed-in user; others have no limits."""
    user = commands.signed_in(request)
    if user.role != Role.USER:
        raise RoleNotAllowed
    return user


def _window_of(request: HttpRequest) -> tuple[str, str]:
    currency, window = request.POST.get("currency", ""), request.POST.get("window", "")
    if currency not in Currency.values or window not in WINDOWS:
        raise ValidationFailed(form=["window: one of those on the page."])
    return currency, window


def _choices(lengths: dict[str, str], now: datetime) -> list[Choice]:
    return [Choice(value, label, services.break_end(now, value)) for value, label in lengths.items()]


def _later(choices: list[Choice], running: services.BreakView | None) -> list[Choice]:
    """Return the choices that would last longer than what runs."""
    if running is None:
        return choices
    return [each for each in choices if services.is_later(each.until, running.until)]
