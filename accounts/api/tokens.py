"""Endpoints of signing in by token."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import errors, shapes, tokens
from accounts.services.signing import issue_tokens
from core.api import Endpoint
from core.fields import Body, StrictChar


class Anyone(Endpoint):
    """An endpoint before signing in: an old bearer token or session sent along must not close it."""

    public = True
    authentication_classes = []


class ObtainTokens(Anyone):
    """Sign in with name and password.

    Answers an access token, which lives 5 minutes, and a refresh token. An account with a second factor sends a current
    code, or a recovery code, as `otp`.
    """

    Output = shapes.TokensOut
    refuses = (
        errors.WrongCredentials,
        errors.WrongCode,
        errors.PasswordChangeRequired,
        errors.SignInLocked,
    )

    class Input(Body):
        username = StrictChar(max_length=150, trim_whitespace=False)
        password = StrictChar(max_length=1024, trim_whitespace=False)
        otp = StrictChar(max_length=20, required=False, default="", allow_blank=True)

    def post(self, request: Request) -> HttpResponse:
        return self.answer(issue_tokens(request._request, **self.data))


class RefreshTokens(Anyone):
    """Exchange a refresh token for new tokens.

    The refresh token that is sent is used up.
    """

    Output = shapes.TokensOut
    refuses = (errors.RefreshRefused, errors.PasswordChangeRequired)

    class Input(Body):
        refresh = StrictChar(max_length=4096)

    def post(self, request: Request) -> HttpResponse:
        return self.answer(tokens.rotate(self.data["refresh"]))


class RevokeToken(Anyone):
    """Revoke a refresh token.

    Succeeds also when it was revoked before.
    """

    Output = OpenApiTypes.OBJECT
    refuses = (errors.RefreshRefused,)

    class Input(Body):
        refresh = StrictChar(max_length=4096)

    def post(self, request: Request) -> HttpResponse:
        tokens.revoke(self.data["refresh"])
        return Response({})
