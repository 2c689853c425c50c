"""Where RedRoomRewards is, who we are there, and how long we wait."""

from dataclasses import dataclass, field

from django.conf import settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Times are in seconds: to connect, of one try, of all tries of a call."""

    base_url: str
    client_id: str
    client_secret: str = field(repr=False)
    connect_timeout_s: float
    try_timeout_s: float
    total_timeout_s: float

    @classmethod
    def of_settings(cls) -> "Config":
        """Return what the settings say."""
        return cls(
            base_url=settings.RRR_BASE_URL,
            client_id=settings.RRR_CLIENT_ID,
            client_secret=settings.RRR_CLIENT_SECRET,
            connect_timeout_s=settings.RRR_CONNECT_TIMEOUT_S,
            try_timeout_s=settings.RRR_TRY_TIMEOUT_S,
            total_timeout_s=settings.RRR_TOTAL_TIMEOUT_S,
        )
