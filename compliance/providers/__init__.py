"""Age providers: who is asked for an age before staff are. The setting `AGE_PROVIDER` chooses one."""

from django.conf import settings

from compliance.providers.http import HttpProvider
from compliance.providers.interface import AgeAnswer, AgeProvider, AgeQuestion, Finding, NoAnswer
from compliance.providers.stand_in import StandIn

__all__ = ["AgeAnswer", "AgeProvider", "AgeQuestion", "Finding", "NoAnswer", "provider"]


def provider() -> AgeProvider | None:
    """Return the provider that the settings choose; None: staff decide every age."""
    if settings.AGE_PROVIDER == "http":
        return HttpProvider(url=settings.AGE_PROVIDER_URL, secret=settings.AGE_PROVIDER_SECRET)
    if settings.AGE_PROVIDER == "stand_in" and settings.RELAXED:
        return StandIn()
    return None
