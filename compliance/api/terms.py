"""The terms in force, and accepting them."""

from django.http import HttpResponse
from rest_framework.request import Request

from compliance import services, shapes
from compliance.errors import TermsOutdated
from core.api import Endpoint
from core.db import command
from core.errors import NotFound
from core.fields import Body, StrictInt

MAX_VERSION = 2**31 - 1


class Terms(Endpoint):
    """Show the terms in force."""

    Output = shapes.TermsOut
    refuses = (NotFound,)

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.terms_of(self.actor))


class AcceptTerms(Endpoint):
    """Accept the terms in force; a second time changes nothing."""

    Output = shapes.TermsOut
    refuses = (NotFound, TermsOutdated)

    class Input(Body):
        version = StrictInt(min_value=1, max_value=MAX_VERSION)

    def post(self, request: Request) -> HttpResponse:
        return self.answer(command(lambda: services.accept_terms(user=self.actor, **self.data)))
