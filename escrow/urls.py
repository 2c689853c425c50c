from django.urls import path

from escrow import api

urlpatterns = [
    path("wallet", api.MyWallets.as_view()),
    path("wallet/holds", api.MyHolds.as_view()),
    path("wallet/transfers", api.MyTransfers.as_view()),
]
