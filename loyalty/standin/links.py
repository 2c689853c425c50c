"""Links between members and a client's users: one to one, both ways."""

import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from loyalty.standin.answers import Refused
from loyalty.standin.fields import Fields, invalid, iso, text
from loyalty.standin.points import record
from loyalty.standin.storage import Storage

CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is taken for another
CODE_GROUP = 4

NEW_INTENT = "INSERT INTO intent (intent_id, client_user_id, link_code, expires_at) VALUES (?, ?, ?, ?)"
INTENT = "SELECT client_user_id, expires_at, link_code FROM intent WHERE intent_id = ?"
CONFIRMED = "UPDATE intent SET confirmed_at = ? WHERE intent_id = ?"
OF_USER = "SELECT member_id, linked_at FROM member WHERE client_user_id = ?"
OF_MEMBER = "SELECT proof, client_user_id FROM member WHERE member_id = ?"
LINK = "UPDATE member SET client_user_id = ?, linked_at = ? WHERE member_id = ?"
NEW_MEMBER = "INSERT INTO member (member_id, proof, balance, updated_at) VALUES (?, ?, 0, ?)"
BALANCE = "SELECT balance FROM member WHERE member_id = ?"
MEMBERS = "SELECT member_id, client_user_id, balance FROM member ORDER BY member_id"


@dataclass(frozen=True)
class Linking:
    """Calls about links.

    `enrol`: who confirms with an unknown member's id becomes that member with so many points, and the link code itself
    proves any membership; None: neither.
    """

    storage: Storage
    intent_life_s: float
    enrol: int | None = None

    def intents(self, fields: Fields) -> dict[str, Any]:
        """POST /links/intents: a code for the user to type in RedRoomRewards, good for a while."""
        user_id = text(fields, "clientUserId")
        intent_id, code = str(uuid.uuid4()), _code()
        expires_at = iso(datetime.now(UTC) + timedelta(seconds=self.intent_life_s))
        self.storage.execute(NEW_INTENT, (intent_id, user_id, code, expires_at))
        return {"intentId": intent_id, "linkCode": code, "expiresAt": expires_at}

    def confirm(self, fields: Fields) -> dict[str, Any]:
        """POST /links/confirm: link the member who proves who she is; once more the same is the same answer."""
        user_id, member_id = text(fields, "clientUserId"), text(fields, "memberId")
        proof = fields.get("proof")
        if not isinstance(proof, dict):
            raise invalid("proof is missing.")
        text(proof, "method")
        now = iso(datetime.now(UTC))
        code = self._code_of(text(fields, "intentId"), user_id, now)
        linked_to = self._proven(member_id, text(proof, "assertion"), code)
        if linked := self.storage.one(OF_USER, user_id):
            if linked[0] != member_id:
                raise Refused(409, "ALREADY_LINKED", "Another member is linked to this user.")
            return {"linked": True, "linkedAt": linked[1]}
        if linked_to is not None:
            raise Refused(409, "ALREADY_LINKED", "This member is linked to another user.")
        self.storage.execute(LINK, (user_id, now, member_id))
        self.storage.execute(CONFIRMED, (now, fields["intentId"]))
        return {"linked": True, "linkedAt": now}

    def status(self, query: Fields) -> dict[str, Any]:
        """GET /links/status."""
        linked = self.storage.one(OF_USER, text(query, "clientUserId"))
        member_id, linked_at = linked or (None, None)
        return {"linked": linked is not None, "memberId": member_id, "linkedAt": linked_at}

    def put_member(
        self, member_id: str, *, proof: str, balance: int | None = None, client_user_id: str | None = None
    ) -> None:
        """Make a member or change one; a balance that differs becomes an entry of the kind `adjustment`."""
        now = datetime.now(UTC)
        if self.storage.one(BALANCE, member_id) is None:
            self.storage.execute(NEW_MEMBER, (member_id, proof, iso(now)))
        self.storage.execute("UPDATE member SET proof = ? WHERE member_id = ?", (proof, member_id))
        if client_user_id is not None:
            self.storage.execute(LINK, (client_user_id, iso(now), member_id))
        if balance is not None:
            self._adjust(member_id, balance, now)

    def members(self) -> list[dict[str, Any]]:
        """Return every member with the user it is linked to, and its balance."""
        names = ("memberId", "clientUserId", "balance")
        return [dict(zip(names, row, strict=True)) for row in self.storage.all(MEMBERS)]

    def _code_of(self, intent_id: str, user_id: str, now: str) -> str:
        """Return an intent's code. Raises Refused if it is not the user's, or has run out."""
        intent = self.storage.one(INTENT, intent_id)
        if intent is None or intent[0] != user_id:
            raise Refused(404, "INVALID_INTENT", "There is no such intent of this user.")
        if intent[1] <= now:
            raise Refused(410, "INTENT_EXPIRED", "The code has expired.")
        return str(intent[2])

    def _proven(self, member_id: str, assertion: str, code: str) -> str | None:
        """Return whom the member is linked to. Raises Refused if the member is unknown or the assertion wrong."""
        known = self.storage.one(OF_MEMBER, member_id)
        if known is None and self.enrol is not None:
            self.put_member(member_id, proof=assertion, balance=self.enrol)
            return None
        is_code = self.enrol is not None and hmac.compare_digest(code.encode(), assertion.encode())
        if known is None or not (is_code or hmac.compare_digest(known[0].encode(), assertion.encode())):
            raise Refused(403, "INVALID_PROOF", "This does not prove the membership.")
        linked_to: str | None = known[1]
        return linked_to

    def _adjust(self, member_id: str, balance: int, at: datetime) -> None:
        (before,) = self.storage.one(BALANCE, member_id) or (0,)
        if balance != before:
            record(self.storage, member_id, f"adjustment-{uuid.uuid4()}", "adjustment", balance - before, balance, at)


def _code() -> str:
    groups = ("".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_GROUP)) for _ in range(2))
    return "-".join(groups)
