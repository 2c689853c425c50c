"""What surrounds every page: name, theme, tabs, purse. A context processor; a part is read when a template uses it."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import STAFF_ROLES, Role, User
from escrow import services as escrow
from loyalty import services as loyalty

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

THEMES = ("dark", "light", "system")
THEME_COOKIE = "theme"


@dataclass(frozen=True)
class Tab:
    label: str
    short: str
    icon: str
    href: str
    current: bool


@dataclass(frozen=True)
class Purse:
    """Balances of the signed-in user's wallets; `points` is None where they live elsewhere and are not known."""

    tokens: int = 0
    points: int | None = 0
    tokens_held: int = 0
    earned: int = 0
    owed: int = 0


@dataclass(frozen=True)
class Section:
    """One entry of the navigation. `also` names the other views that count as being there."""

    label: str
    short: str
    icon: str
    view: str
    also: tuple[str, ...] = ()


LOBBY = Section("Lobby", "Lobby", "house", "lobby", also=("room", "ask"))
SLOTS = Section("Slot machine", "Slots", "cherry", "slots", also=("reality", "slots-history", "slots-spin"))
REQUESTS = Section("My requests", "Requests", "list-ordered", "requests")
WALLET = Section("Wallet", "Wallet", "wallet", "wallet")
LIMITS = Section("Limits", "Limits", "scale", "limits", also=("time-out", "exclusion"))
ACCOUNT = Section(
    "Account",
    "Account",
    "user",
    "account",
    also=("limits", "time-out", "exclusion", "terms", "loyalty", "loyalty-code", "loyalty-confirm"),
)
BACK_OFFICE = Section("Back office", "Office", "layout-dashboard", "admin:index")
STUDIO = Section("Tonight", "Tonight", "mic-vocal", "studio")


class Shell:
    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.site = settings.SITE_NAME

    @property
    def user(self) -> "User | AnonymousUser":
        return self.request.user

    @property
    def role(self) -> str:
        return getattr(self.request.user, "role", "")

    @property
    def is_performer(self) -> bool:
        return self.role == Role.PERFORMER

    @property
    def has_purse(self) -> bool:
        return self.role in (Role.USER, Role.PERFORMER)

    @property
    def can_buy(self) -> bool:
        return self.role == Role.USER

    @property
    def brand(self) -> str:
        return "Studio" if self.is_performer else self.site

    @property
    def home(self) -> str:
        return reverse("studio" if self.is_performer else "lobby")

    @property
    def theme(self) -> str:
        chosen = self.request.COOKIES.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else THEMES[0]

    @property
    def initials(self) -> str:
        return self.request.user.get_username()[:2].upper()

    @cached_property
    def tabs_all(self) -> list[Tab]:
        return self._tabs([*self._places(), ACCOUNT])

    @cached_property
    def tabs(self) -> list[Tab]:
        """The sections at the top of a wide screen, where the account is its own picture."""
        return self._tabs([*self._places(), *([LIMITS] if self.role == Role.USER else [])])

    def _places(self) -> list[Section]:
        match self.role:
            case Role.USER:
                return [LOBBY, SLOTS, REQUESTS, WALLET]
            case Role.PERFORMER:
                return [STUDIO, LOBBY, WALLET]
        return [LOBBY, BACK_OFFICE] if self.role in STAFF_ROLES else [LOBBY]

    def _tabs(self, places: list[Section]) -> list[Tab]:
        match = self.request.resolver_match
        here = match.url_name if match else ""
        return [Tab(p.label, p.short, p.icon, reverse(p.view), current=here in (p.view, *p.also)) for p in places]

    @cached_property
    def remote_points(self) -> loyalty.PointsView | None:
        """What is known of a player's points where they live in RedRoomRewards; None where they live here."""
        if not self.can_buy or not loyalty.is_remote():
            return None
        return loyalty.known_points(cast(User, self.request.user).pk)

    @cached_property
    def purse(self) -> Purse:
        if not self.request.user.is_authenticated:
            return Purse()
        wallets = {wallet.currency: wallet for wallet in escrow.wallets_of(self.request.user.pk)}
        token, point = wallets.get(escrow.Currency.TOKEN), wallets.get(escrow.Currency.POINT)
        return Purse(
            tokens=token.available if token else 0,
            points=self.remote_points.balance if self.remote_points else point.available if point else 0,
            tokens_held=token.held if token else 0,
            earned=token.earned if token else 0,
            owed=token.owed if token else 0,
        )


def shell(request: HttpRequest) -> dict[str, Shell]:
    return {"shell": Shell(request)}
