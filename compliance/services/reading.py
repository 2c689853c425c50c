"""What the slot machine says of somebody's play: the setting `PLAY_READER` names its function, as slots is above us."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import cast
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True)
class Play:
    """Points that somebody staked within 24 hours, 7 and 30 days, and when a reality check is due in their session."""

    staked: tuple[int, int, int]
    due_at: datetime | None


def play_of(user_id: UUID) -> Play:
    """Return what this user played."""
    return _reader(settings.PLAY_READER)(user_id)


@lru_cache
def _reader(path: str) -> Callable[[UUID], Play]:
    return cast(Callable[[UUID], Play], import_string(path))
