"""A player's points where they live in RedRoomRewards: beside the machine, and as lines of the wallet's statement."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.models import Role, User
from core.errors import NotFound, RoleNotAllowed
from loyalty import services
from loyalty.services import Move, OperationKind, OperationState
from xxxchat.pages import commands

KINDS = {
    OperationKind.DEDUCT: "Spin",
    OperationKind.CREDIT: "Won",
    OperationKind.REFUND: "Spin given back",
    OperationKind.EARN: "Earned with tokens",
    OperationKind.EARN_REVERSAL: "Earned points taken back",
}
STATES = {
    OperationState.OPEN: "on its way",
    OperationState.UNKNOWN: "still asking",
    OperationState.DEAD: "on its way, support looks into it",
    OperationState.COMPENSATED: "did not count",
}


@dataclass(frozen=True)
class PlayPoints:
    """What the machine shows of points there. `may_spin`: linked, and RedRoomRewards answers."""

    view: services.PointsView

    @property
    def may_spin(self) -> bool:
        return self.view.is_linked and not self.view.is_away

    @property
    def needs_link(self) -> bool:
        return not self.view.is_linked

    @property
    def again(self) -> str:
        """Where the part is read again."""
        return reverse("slots-points") + ("?away=1" if self.view.is_away else "")

    @property
    def is_moving(self) -> bool:
        """Whether it will be another soon, and is read again until then."""
        return self.view.is_linked and (self.view.is_away or self.view.pending > 0)


def points_of(user: User) -> PlayPoints | None:
    """Return a player's points there, which may ask for them; None where points live here."""
    return PlayPoints(services.points_now(user.pk)) if services.is_remote() else None


@login_required
@require_GET
def part(request: HttpRequest) -> HttpResponse:
    """Show a player's points anew; when RedRoomRewards answers again, the page is loaded anew, as its button rests."""
    user = commands.signed_in(request)
    if user.role != Role.USER:
        raise RoleNotAllowed
    points = points_of(user)
    if points is None:
        raise NotFound
    response = render(request, "pages/slots/points.html", {"points": points})
    if "away" in request.GET and points.may_spin:
        response.headers["HX-Refresh"] = "true"
    return response


def words_of(move: Move) -> str:
    """Say what a change was and where it stands: "Won, on its way"."""
    state = STATES.get(move.state)
    return f"{KINDS[move.kind]}, {state}" if state else KINDS[move.kind]
