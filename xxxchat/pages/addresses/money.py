"""Addresses of the wallet."""

from xxxchat.pages import wallet
from xxxchat.pages.addresses.page import page

urlpatterns = [
    page("wallet", wallet.page, name="wallet"),
    page("wallet/statement.csv", wallet.statement_csv, name="wallet-csv"),
]
