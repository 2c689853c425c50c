"""Start-up checks: production never runs with a spin limit switched off; keys of seeds can be told apart."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from slots.sealing import shared_ids

LIMITS = ("SLOTS_MIN_INTERVAL_MS", "SLOTS_SPINS_PER_HOUR")


@register()
def spin_limits_are_on(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Refuse a limit that is off (0) outside demo and test, and a negative one everywhere."""
    return [
        Error(
            f"{name} is {value}: a spin limit may be switched off (0) in demo and test only.",
            hint=f"Set {name} to a positive whole number.",
            id=f"slots.E00{number}",
        )
        for number, name in enumerate(LIMITS, start=1)
        if (value := getattr(settings, name)) < 0 or (value == 0 and not settings.RELAXED)
    ]


@register()
def seed_keys_are_told_apart(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Refuse keys of seeds that share an id: a row would not say which of them sealed it."""
    if not shared_ids([settings.SEED_KEY, *settings.SEED_KEYS_OLD]):
        return []
    return [
        Error(
            "Two keys of SEED_KEY and SEED_KEYS_OLD share their id (one pair in 32,766 does).",
            hint="Make another new key; the others stay as they are.",
            id="slots.E003",
        )
    ]
