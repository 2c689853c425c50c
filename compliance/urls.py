"""Paths under /api/v1/."""

from django.urls import path, register_converter

from compliance.api import limits, me, staff, terms
from compliance.locators import region_text


class RegionConverter:
    """A region in a path. A text that is none becomes the empty one, which no policy has: 404."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return region_text(value) or ""

    def to_url(self, value: str) -> str:
        return value


register_converter(RegionConverter, "region")

urlpatterns = [
    path("me", me.Me.as_view()),
    path("limits", limits.Limits.as_view()),
    path("limits/confirm", limits.ConfirmLimit.as_view()),
    path("time-out", limits.TimeOut.as_view()),
    path("self-exclusion", limits.SelfExclusion.as_view()),
    path("terms", terms.Terms.as_view()),
    path("terms/accept", terms.AcceptTerms.as_view()),
    path("admin/compliance/verifications", staff.VerificationList.as_view()),
    path("admin/compliance/verifications/<id:user_id>/verify", staff.VerifyAge.as_view()),
    path("admin/compliance/verifications/<id:user_id>/reject", staff.RejectAge.as_view()),
    path("admin/compliance/refusals", staff.RefusalList.as_view()),
    path("admin/compliance/exclusions", staff.ExclusionList.as_view()),
    path("admin/compliance/limits", staff.UserLimitList.as_view()),
    path("admin/compliance/policies/<region:region>", staff.RegionPolicy.as_view()),
]
