"""Addresses of limits, breaks, the terms and the reality check."""

from xxxchat.pages import limits, reality, terms
from xxxchat.pages.addresses.page import page

urlpatterns = [
    page("limits", limits.page, name="limits"),
    page("limits/change", limits.change, name="limit-change"),
    page("limits/confirm", limits.confirm, name="limit-confirm"),
    page("limits/break", limits.time_out, name="time-out"),
    page("limits/exclude", limits.exclusion, name="exclusion"),
    page("terms", terms.page, name="terms"),
    page("slots/reality", reality.page, name="reality"),
]
