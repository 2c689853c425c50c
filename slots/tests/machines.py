"""The machine as its players meet it: the commands process over either back end of points."""

import json
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from core.ids import new_id
from loyalty.models import Link
from slots import services
from slots.tests.factories import SPIN, player, points_of
from tests.commands_process import CommandsProcess, Reply, bearer
from tests.standin_inside import StandInInside as StandIn


@dataclass
class Machine:
    """`standin`: RedRoomRewards, where it keeps the points; None where the ledger does."""

    process: CommandsProcess
    standin: StandIn | None

    @property
    def is_remote(self) -> bool:
        return self.standin is not None

    def player(self, *, points: int = 1_000, is_new: bool = False) -> User:
        """A player with points; `is_new`: without a slot state."""
        user = player(points=0 if self.is_remote else points)
        if self.standin is not None:
            self.standin.steering.put_members([member_of(user, points)])
            Link.objects.create(user=user, member_id=f"member-{user.pk}")
        if not is_new:
            services.fairness(user=user)
        return user

    def points(self, user: User) -> int:
        """What the player has to spend, by whoever keeps the points."""
        if self.standin is None:
            return points_of(user)
        return balances(self.standin)[str(user.pk)]

    def spin(self, user: User, *, key: str = "", headers: dict[str, str] | None = None, **body: Any) -> Reply:
        return self.begin(user, key=key, headers=headers, **body).result(30)

    def begin(
        self, user: User, *, key: str = "", headers: dict[str, str] | None = None, **body: Any
    ) -> "Future[Reply]":
        """Ask for a spin; the answer comes later."""
        given = bearer(user) if headers is None else headers
        keyed = {**given, "Idempotency-Key": key or f"spin-{new_id()}"}
        return self.process.begin(SPIN, keyed, {"betAmount": 100, **body})


def member_of(user: User, points: int) -> dict[str, Any]:
    """A member of the stand-in, linked to the user."""
    return {"memberId": f"member-{user.pk}", "proof": "111111", "balance": points, "clientUserId": str(user.pk)}


def balances(standin: StandIn) -> dict[str, int]:
    """The points of every member over there, by the user linked to it."""
    return {each["clientUserId"]: each["balance"] for each in standin.steering.members()}


def answer_of(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.content
    found: dict[str, Any] = json.loads(reply.content)
    return found
