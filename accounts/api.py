"""Endpoints of signing in and of who I am."""

from typing import cast

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from accounts import services, shapes, tokens
from accounts.models import User
from accounts.tokens import Tokens
from core.api import Body, Endpoint
from core.fields import StrictChar


def pair_out(pair: Tokens) -> dict[str, str]:
    return {"access": pair.access, "refresh": pair.refresh}


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
        return self.ok(pair_out(services.issue_tokens(request._request, **self.data)))


class RefreshTokens(Anyone):
    """POST /auth/token/refresh {refresh}. 200 {access, refresh}, the old one is used up; 401 UNAUTHENTICATED."""

    Output = shapes.TokensOut

    class Input(Body):
        refresh = StrictChar(max_length=4096)

    def post(self, request: Request) -> HttpResponse:
        return self.ok(pair_out(tokens.rotate(self.data["refresh"])))


class RevokeToken(Anyone):
    """POST /auth/token/revoke {refresh}. 200 {}, also when it was revoked before; 401 UNAUTHENTICATED."""

    Output = shapes.NOTHING

    class Input(Body):
        refresh = StrictChar(max_length=4096)

    def post(self, request: Request) -> HttpResponse:
        tokens.revoke(self.data["refresh"])
        return self.ok({})


class Me(Endpoint):
    """GET /me. 200 {id, username, displayName, role, verified, termsAccepted, termsVersion}; 401."""

    Output = shapes.MeOut

    def get(self, request: Request) -> HttpResponse:
        user = cast(User, request.user)
        return self.ok(
            {
                "id": user.pk,
                "username": user.username,
                "displayName": services.display_name(user),
                "role": user.role,
                "verified": user.verified_at is not None,
                "termsAccepted": user.terms_version >= settings.TERMS_VERSION,
                "termsVersion": settings.TERMS_VERSION,
            }
        )
