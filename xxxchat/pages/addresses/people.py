"""Addresses of signing in, and one's own account."""

from xxxchat.pages import account
from xxxchat.pages.addresses.page import page
from xxxchat.pages.people import confirming, erasing, factor, own_data, places, reset, signing_up

urlpatterns = [
    page("sign-in", account.sign_in, name="sign-in"),
    page("sign-in/code", factor.at_sign_in, name="sign-in-code"),
    page("sign-up", signing_up.page, name="sign-up"),
    page("confirm/<str:key>", confirming.confirm, name="confirm"),
    page("password", reset.ask, name="reset"),
    page("password/<id:user_id>/<str:token>", reset.choose, name="reset-password"),
    page("sign-out", account.sign_out, name="sign-out"),
    page("account", account.account, name="account"),
    page("account/password", account.password, name="password"),
    page("account/second-factor", factor.page, name="second-factor"),
    page("account/second-factor/codes", factor.new_codes, name="second-factor-codes"),
    page("account/second-factor/off", factor.turn_off, name="second-factor-off"),
    page("account/sessions/end", places.end, name="session-end"),
    page("account/sessions/end-others", places.end_others, name="other-sessions-end"),
    page("account/data", own_data.ask, name="own-data"),
    page("account/data/state", own_data.state, name="own-data-state"),
    page("account/data/file", own_data.download, name="own-data-file"),
    page("account/erase", erasing.page, name="erase"),
    page("account/erase/cancel", erasing.cancel, name="erase-cancel"),
    page("account/theme", account.theme, name="theme"),
]
