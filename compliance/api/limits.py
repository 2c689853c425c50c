"""A user's limits, time-outs and exclusions: commands without a key, which change no money."""

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.models import Role
from compliance import services, shapes
from compliance.errors import LimitPending, LimitTooHigh
from compliance.models.spending import Window
from core.api import Endpoint
from core.db import command
from core.errors import NotFound
from core.fields import Amount, Body, StrictEnum
from escrow.services import Currency


class OneWindow(Body):
    currency = StrictEnum(Currency)
    window = StrictEnum(Window)


class Limits(Endpoint):
    """Show one's own limits, breaks, and when a reality check is due."""

    roles = (Role.USER,)
    Output = shapes.LimitsOut
    refuses = {"PUT": (LimitTooHigh,)}

    class NewLimit(OneWindow):
        limit = Amount(allow_null=True, source="amount")

    Input = {"PUT": NewLimit}

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.limits_of(user=self.actor))

    def put(self, request: Request) -> HttpResponse:
        """Set a limit; null: none.

        A first or lower one holds at once. A higher one, or none, waits for 24 hours as `pending`, is then confirmed
        within 7 days, and the old one holds until that. The present limit drops what waits.
        """
        command(lambda: services.set_limit(user=self.actor, **self.data))
        return self.answer(services.limits_of(user=self.actor))


class ConfirmLimit(Endpoint):
    """Confirm a higher limit, or none, that has waited for 24 hours."""

    roles = (Role.USER,)
    Input = OneWindow
    Output = shapes.LimitsOut
    refuses = (NotFound, LimitPending, LimitTooHigh)

    def post(self, request: Request) -> HttpResponse:
        command(lambda: services.confirm_limit(user=self.actor, **self.data))
        return self.answer(services.limits_of(user=self.actor))


class TimeOut(Endpoint):
    """Take a break from games. It begins at once; a shorter one never shortens what runs."""

    roles = (Role.USER,)
    Output = shapes.TimeOutOut

    class Input(Body):
        duration = StrictEnum(services.TimeOutSpan)

    def post(self, request: Request) -> HttpResponse:
        return self.answer(command(lambda: services.take_time_out(user=self.actor, **self.data)))


class SelfExclusion(Endpoint):
    """Exclude oneself from games. Nobody can end it early; a shorter one never shortens what runs."""

    roles = (Role.USER,)
    Output = shapes.BreakOut

    class Input(Body):
        duration = StrictEnum(services.ExclusionSpan)

    def post(self, request: Request) -> HttpResponse:
        return self.answer(command(lambda: services.exclude_self(user=self.actor, **self.data)))
