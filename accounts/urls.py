"""Addresses of accounts, relative to /api/v1/."""

from django.urls import path

from accounts import api

urlpatterns = [
    path("auth/token", api.ObtainTokens.as_view()),
    path("auth/token/refresh", api.RefreshTokens.as_view()),
    path("auth/token/revoke", api.RevokeToken.as_view()),
    path("me", api.Me.as_view()),
]
