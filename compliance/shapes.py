"""What the endpoints of compliance answer."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

import accounts.services
from accounts.models import Role
from compliance.models.ages import AgeCaseReason, AgeState
from compliance.models.breaks import BreakKind
from compliance.models.spending import Window
from compliance.services import PRESETS, REALITY_EVERY_MINUTES, LimitsView, SignedIn
from core.shapes import Shape, TextOrNull, page_of
from escrow.services import Currency


class MeOut(Shape):
    id = serializers.UUIDField(source="user.id")
    username = serializers.CharField(source="user.username")
    displayName = serializers.SerializerMethodField()
    role = serializers.ChoiceField(choices=Role.choices, source="user.role")
    verified = serializers.SerializerMethodField()
    termsAccepted = serializers.SerializerMethodField()
    termsVersion = serializers.IntegerField(source="terms_version")

    def get_displayName(self, me: SignedIn) -> str:
        return accounts.services.display_name(me.user)

    def get_verified(self, me: SignedIn) -> bool:
        return me.user.verified_at is not None

    def get_termsAccepted(self, me: SignedIn) -> bool:
        return me.user.terms_version >= me.terms_version


class PendingOut(Shape):
    limit = serializers.IntegerField(allow_null=True, help_text="null: no limit")
    effectiveAt = serializers.DateTimeField(source="effective_at", help_text="from then on it may be confirmed")
    confirmBy = serializers.DateTimeField(source="confirm_by", help_text="it lapses if nobody confirms it by then")


class LimitOut(Shape):
    currency = serializers.ChoiceField(choices=Currency.choices)
    window = serializers.ChoiceField(choices=Window.choices)
    limit = serializers.IntegerField(allow_null=True, help_text="one's own; null: none")
    operatorCap = serializers.IntegerField(source="operator_cap", allow_null=True, help_text="null: none")
    used = serializers.IntegerField(help_text="held or settled in the window; what was refunded does not count")
    left = serializers.IntegerField(allow_null=True, help_text="of the lower of both; null: neither is set")
    pending = PendingOut(allow_null=True, help_text="a looser limit that waits; the old one holds")


class BreakOut(Shape):
    until = serializers.DateTimeField(allow_null=True, help_text="null: for good")


class TimeOutOut(Shape):
    until = serializers.DateTimeField()


class RealityOut(Shape):
    everyMinutes = serializers.SerializerMethodField()
    dueAt = serializers.DateTimeField(source="reality_due_at", allow_null=True, help_text="null: no session runs")

    def get_everyMinutes(self, view: LimitsView) -> int:
        return REALITY_EVERY_MINUTES


@extend_schema_field(
    {
        "type": "object",
        "required": [*PRESETS],
        "properties": {window: {"type": "integer"} for window in PRESETS},
        "additionalProperties": False,
    }
)
class Presets(serializers.DictField):
    """Points that a page may offer; they hold once they are set."""

    def to_representation(self, value: Any) -> Any:
        return PRESETS


class LimitsOut(Shape):
    limits = LimitOut(many=True, help_text="one of each currency and window, POINT first")
    presets = Presets(source="*")
    timeOut = TimeOutOut(source="time_out", allow_null=True)
    selfExclusion = BreakOut(source="self_exclusion", allow_null=True)
    realityCheck = RealityOut(source="*")


class TermsOut(Shape):
    version = serializers.IntegerField()
    title = serializers.CharField()
    text = serializers.CharField()
    digest = serializers.CharField(help_text="SHA-256 of the text, hex")
    accepted = serializers.BooleanField(help_text="whether the caller accepted this version")


class VerificationOut(Shape):
    userId = serializers.UUIDField(source="user_id")
    state = serializers.ChoiceField(choices=AgeState.choices)
    why = serializers.ChoiceField(choices=AgeCaseReason.choices)
    dateOfBirth = serializers.DateField(source="user.date_of_birth", allow_null=True)
    region = serializers.CharField(allow_null=True, help_text="where the user asked from; null: unknown")
    openedAt = serializers.DateTimeField(source="opened_at")
    decidedAt = serializers.DateTimeField(source="decided_at", allow_null=True)
    decidedBy = serializers.UUIDField(
        source="decided_by_id", allow_null=True, help_text="null while it is pending, and for the provider"
    )


class RefusalOut(Shape):
    id = serializers.UUIDField()
    userId = serializers.UUIDField(source="user_id")
    feature = serializers.CharField()
    gate = serializers.CharField()
    code = serializers.CharField()
    policyVersion = serializers.CharField(source="policy_version")
    region = serializers.CharField(allow_null=True, help_text="as it was sent; null: none was determined")
    at = serializers.DateTimeField()


class ExclusionOut(Shape):
    id = serializers.UUIDField()
    userId = serializers.UUIDField(source="user_id")
    kind = serializers.ChoiceField(choices=BreakKind.choices)
    duration = TextOrNull(help_text="as it was chosen; null for one that was inherited")
    since = serializers.DateTimeField(source="from_at")
    until = serializers.DateTimeField(allow_null=True, help_text="null: for good")
    inherited = serializers.BooleanField(source="is_inherited")


class UserPendingOut(Shape):
    limit = serializers.IntegerField(source="pending_amount", allow_null=True, help_text="null: no limit")
    effectiveAt = serializers.DateTimeField(source="effective_at")
    confirmBy = serializers.DateTimeField(source="confirm_by")


class UserLimitOut(Shape):
    id = serializers.UUIDField()
    userId = serializers.UUIDField(source="user_id")
    currency = serializers.ChoiceField(choices=Currency.choices)
    window = serializers.ChoiceField(choices=Window.choices)
    limit = serializers.IntegerField(source="amount", allow_null=True, help_text="null: none")
    since = serializers.DateTimeField()
    pending = UserPendingOut(allow_null=True, help_text="a looser limit that waits; the old one holds")


class PolicyOut(Shape):
    region = serializers.CharField()
    version = serializers.IntegerField(source="number")
    slots = serializers.BooleanField()
    wheel = serializers.BooleanField()
    minimumAge = serializers.IntegerField(source="minimum_age")
    reason = serializers.CharField()
    authorId = serializers.UUIDField(source="author_id", allow_null=True, help_text="null: it came with the product")
    at = serializers.DateTimeField()


VerificationsOut, RefusalsOut = page_of(VerificationOut), page_of(RefusalOut)
ExclusionsOut, UserLimitsOut = page_of(ExclusionOut), page_of(UserLimitOut)
