"""The endpoint of who I am: it belongs here because the terms do."""

from django.http import HttpResponse
from rest_framework.request import Request

from compliance import services, shapes
from core.api import Endpoint


class Me(Endpoint):
    """Show who is signed in."""

    Output = shapes.MeOut
    tag = "accounts"

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.signed_in(self.actor))
