"""Paths under /api/v1/."""

from django.urls import path

from loyalty.api import links, wallet, webhook

urlpatterns = [
    path("wallet", wallet.MyWallets.as_view()),
    path("loyalty/link", links.LinkPoints.as_view()),
    path("loyalty/link/confirm", links.ConfirmLink.as_view()),
    path("loyalty/webhook", webhook.LoyaltyWebhook.as_view()),
]
