"""The endpoint of reality checks."""

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.models import Role
from core.api import Endpoint
from core.db import command
from slots import services, shapes


class RealityCheck(Endpoint):
    """Answer a reality check: see time and result of the session. The next one is due 30 minutes later.

    Without a running session there is nothing to see: zeros, and `nextDueAt` is null.
    """

    roles = (Role.USER,)
    Output = shapes.RealityCheckOut

    def post(self, request: Request) -> HttpResponse:
        return self.answer(command(lambda: services.answer_reality_check(user=self.actor)))
