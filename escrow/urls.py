from django.urls import path

from escrow.api import wallet

urlpatterns = [
    path("wallet", wallet.MyWallets.as_view()),
    path("wallet/holds", wallet.MyHolds.as_view()),
    path("wallet/transfers", wallet.MyTransfers.as_view()),
]
