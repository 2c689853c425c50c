"""The demo's buyers as members of RedRoomRewards: linked as anybody is, by a code and a proof."""

from collections.abc import Iterator

from accounts import services as accounts
from core.errors import Refused
from loyalty import services as loyalty
from xxxchat.demo_world import BUYERS

PROOF = loyalty.Proof(loyalty.SHOWN_CODE, "000000")
"""What a stand-in takes of whoever is not its member yet; a real server does not."""


def link_buyers() -> Iterator[str]:
    """Link each buyer who is not linked as member `member-<name>`; yield what was refused. Outside of transactions.

    Does nothing where points live in our ledger.
    """
    if not loyalty.is_remote():
        return
    for name in BUYERS:
        user_id = accounts.named(name).pk
        if loyalty.link_of(user_id).linked:
            continue
        try:
            intent = loyalty.start_link(user_id=user_id)
            loyalty.confirm_link(user_id=user_id, intent_id=intent.id, member_id=f"member-{name}", proof=PROOF)
        except Refused as refusal:
            yield f"{name} is not linked: {refusal}"
