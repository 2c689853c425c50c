"""The spin as a batched endpoint. The ordinary one, which has what is not plain, is in `slots/api/play.py`."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from core import handover
from core.batches import BatchedEndpoint, Command, KeyedRequest
from core.fields import MAX_AMOUNT, UUID_TEXT
from core.idempotency import Answer
from loyalty.errors import LoyaltyUnavailable
from loyalty.services import is_remote
from slots import shapes
from slots.draw import CLIENT_NONCE_BYTES, MAX_CLIENT_SEED_BYTES
from slots.services import RETRY_AFTER_S, SpinBatch, SpinInput


class SpinCommand(Command[SpinInput]):
    """A spin: paid by the ledger's own points, or by RedRoomRewards, which the process asks apart from any thread."""

    def run(self, request: KeyedRequest[SpinInput], *, before: Callable[[], object] | None = None) -> Answer:
        if not is_remote():
            return super().run(request, before=before)
        if not handover.is_possible():
            raise LoyaltyUnavailable(retry_after_s=RETRY_AFTER_S)  # only the commands process asks RedRoomRewards
        return handover.hand_over(self, request)


SPIN = SpinCommand(batch=SpinBatch, render=shapes.SpinOut().to_representation)
MEMBERS = frozenset(("betAmount", "commitment", "paytableDigest", "clientNonce", "clientSeed", "performerId"))
HASH = re.compile(r"\A[0-9a-fA-F]{64}\Z")
NONCE = re.compile(rf"\A[0-9a-fA-F]{{{2 * CLIENT_NONCE_BYTES}}}\Z")


class _NotPlain(Exception):
    """The ordinary endpoint knows what to say of this body."""


def plain(body: dict[str, Any], path: re.Match[str]) -> SpinInput | None:
    """Return the input of a body that `api.Spin.Input` accepts with the same values; None for any doubt."""
    bet = body.get("betAmount")
    if type(bet) is not int or not 1 <= bet <= MAX_AMOUNT or not body.keys() <= MEMBERS:
        return None
    try:
        room = _text(body, "performerId", UUID_TEXT)
        return SpinInput(
            bet=bet,
            commitment=_bytes(body, "commitment", HASH),
            paytable_digest=_bytes(body, "paytableDigest", HASH),
            client_nonce=_bytes(body, "clientNonce", NONCE),
            client_seed=_seed(body["clientSeed"]) if "clientSeed" in body else None,
            performer_id=room and UUID(room),
        )
    except _NotPlain:
        return None


def _text(body: dict[str, Any], name: str, form: re.Pattern[str]) -> Any:
    """Return a member as it is; None if there is none."""
    if name not in body:
        return None
    text = body[name]
    if not isinstance(text, str) or not form.match(text):
        raise _NotPlain
    return text


def _bytes(body: dict[str, Any], name: str, form: re.Pattern[str]) -> bytes | None:
    text = _text(body, name, form)
    return None if text is None else bytes.fromhex(text)


def _seed(text: Any) -> str:
    if not isinstance(text, str) or not text.isprintable() or len(text.encode()) > MAX_CLIENT_SEED_BYTES:
        raise _NotPlain
    return text


SPINS = BatchedEndpoint(path=re.compile(r"\A/api/v1/slot-machine/spin\Z"), command=SPIN, plain=plain, connections=2)
