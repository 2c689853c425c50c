"""Endpoints of signing in and of who I am."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services, shapes, tokens
from core.api import Endpoint
from core.fields import Body, StrictChar


class Anyone(Endpoint):
    """An endpoint before signing in: an old bearer token or session sent along must not close it."""

    public = True
    authentication_classes = []


class ObtainTokens(Anyone):
    """POST /auth/token {username, password}. 200 {access, refresh}; 401 UNAUTHENTICATED; 429 THROTTLED."""

    Output = shapes.TokensOut

    class Input(Body):
        username = StrictChar(max_length=150, trim_whitespace=False)
        password = StrictChar(max_length=1024, trim_whitespace=False)

    def post(self, request: Request) -> HttpResponse:
        return self.answer(services.issue_tokens(request._request, **self.data))


class RefreshTokens(Anyone):
    """POST /auth/token/refresh {refresh}. 200 {access, refresh}, the old one is used up; 401 UNAUTHENTICATED."""

    Output = shapes.TokensOut

    class Input(Body):
        refresh = StrictChar(max_length=4096)

    def post(self, request: Request) -> HttpResponse:
        return self.answer(tokens.rotate(self.data["refresh"]))


class RevokeToken(Anyone):
    """POST /auth/token/revoke {refresh}. 200 {}, also when it was revoked before; 401 UNAUTHENTICATED."""

    Output = OpenApiTypes.OBJECT

    class Input(Body):
        refresh = StrictChar(max_length=4096)

    def post(self, request: Request) -> HttpResponse:
        tokens.revoke(self.data["refresh"])
        return Response({})


class Me(Endpoint):
    """GET /me. 200 {id, username, displayName, role, verified, termsAccepted, termsVersion}; 401."""

    Output = shapes.MeOut

    def get(self, request: Request) -> HttpResponse:
        return self.answer(request.user)
