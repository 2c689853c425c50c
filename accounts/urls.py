"""Addresses of accounts, relative to /api/v1/."""

from django.urls import path

from accounts.api import tokens

urlpatterns = [
    path("auth/token", tokens.ObtainTokens.as_view()),
    path("auth/token/refresh", tokens.RefreshTokens.as_view()),
    path("auth/token/revoke", tokens.RevokeToken.as_view()),
]
