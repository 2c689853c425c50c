from django.urls import path

from escrow.api import payments, wallet

urlpatterns = [
    path("wallet", wallet.MyWallets.as_view()),
    path("wallet/holds", wallet.MyHolds.as_view()),
    path("wallet/transfers", wallet.MyTransfers.as_view()),
    path("token-packages", payments.PackageList.as_view()),
    path("payments/webhook", payments.PaymentWebhook.as_view()),
]
