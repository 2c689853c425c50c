"""What sign-in endpoints answer, for the API's description only; a test keeps the real answers equal to it."""

from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers

from accounts.models import Role


class TokensOut(serializers.Serializer):
    access = serializers.CharField()
    refresh = serializers.CharField()


NOTHING = OpenApiTypes.OBJECT


class MeOut(serializers.Serializer):
    id = serializers.UUIDField()
    username = serializers.CharField()
    displayName = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    verified = serializers.BooleanField()
    termsAccepted = serializers.BooleanField()
    termsVersion = serializers.IntegerField()
