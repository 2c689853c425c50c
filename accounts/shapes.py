"""What sign-in endpoints answer."""

from django.conf import settings
from rest_framework import serializers

from accounts import services
from accounts.models import Role, User
from core.shapes import Shape


class TokensOut(Shape):
    access = serializers.CharField()
    refresh = serializers.CharField()


class MeOut(Shape):
    id = serializers.UUIDField()
    username = serializers.CharField()
    displayName = serializers.SerializerMethodField()
    role = serializers.ChoiceField(choices=Role.choices)
    verified = serializers.SerializerMethodField()
    termsAccepted = serializers.SerializerMethodField()
    termsVersion = serializers.SerializerMethodField()

    def get_displayName(self, user: User) -> str:
        return services.display_name(user)

    def get_verified(self, user: User) -> bool:
        return user.verified_at is not None

    def get_termsAccepted(self, user: User) -> bool:
        return user.terms_version >= self.get_termsVersion(user)

    def get_termsVersion(self, user: User) -> int:
        version: int = settings.TERMS_VERSION
        return version
