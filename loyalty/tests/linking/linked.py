"""People whose points live in the stand-in, and members they could link."""

import atexit
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from accounts.models import User
from core.batches import run_statement
from core.ids import new_id
from loyalty import client
from loyalty.models import Link, RemoteOperation
from loyalty.services import balances
from loyalty.services.operations import SpinCredit, queue_credits
from tests.standin import StandIn
from tests.world import person

PROOF = "204118"


@cache
def shared() -> StandIn:
    """The stand-in of this test process. It runs until the process ends; who sets a fault clears it."""
    folder = tempfile.TemporaryDirectory(prefix="standin-")
    standin = StandIn(Path(folder.name) / "points.db")
    standin.start()
    atexit.register(folder.cleanup)
    atexit.register(standin.__exit__, None, None, None)
    return standin


@contextmanager
def living_there(settings: Any) -> Iterator[StandIn]:
    """Set the product to the stand-in, without faults and with long time-outs, for as long as the block."""
    running = shared()
    running.steering.clear()
    for name, value in running.settings.items():
        setattr(settings, name, value)
    settings.RRR_TRY_TIMEOUT_S, settings.RRR_TOTAL_TIMEOUT_S = 10.0, 20.0
    as_in_a_new_process()
    yield running
    running.steering.clear()
    as_in_a_new_process()


def as_in_a_new_process() -> None:
    """Forget that RedRoomRewards did not answer this process."""
    client.breaker.reset()
    balances.ask_again()


@dataclass(frozen=True)
class Membership:
    """A member of the stand-in."""

    member_id: str
    balance: int


def member(standin: StandIn, balance: int = 8_450) -> Membership:
    """Make a member that nobody has linked yet; its proof is `PROOF`."""
    made = Membership(f"RR-{new_id().hex[-8:]}", balance)
    standin.steering.put_members([{"memberId": made.member_id, "proof": PROOF, "balance": balance}])
    return made


def linked(standin: StandIn, name: str = "", *, balance: int = 8_450, **facts: Any) -> User:
    """Create a user who is linked on both sides."""
    user, made = person(name, **facts), member(standin, balance)
    standin.steering.put_members(
        [{"memberId": made.member_id, "proof": PROOF, "balance": balance, "clientUserId": str(user.pk)}]
    )
    Link.objects.create(user=user, member_id=made.member_id)
    return user


def credit(user: User, amount: int = 1_500) -> RemoteOperation:
    """Queue an award that RedRoomRewards has not confirmed."""
    spin = new_id()
    award = SpinCredit(
        spin_id=spin, user_id=user.pk, amount=amount, symbols=["plum"] * 3, multiplier="15", request_id="r-1"
    )
    run_statement(queue_credits([award]))
    return RemoteOperation.objects.get(source=str(spin))
