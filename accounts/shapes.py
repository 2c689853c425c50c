"""What sign-in endpoints answer."""

from rest_framework import serializers

from core.shapes import Shape


class TokensOut(Shape):
    access = serializers.CharField()
    refresh = serializers.CharField()
