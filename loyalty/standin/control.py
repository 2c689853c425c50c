"""Steering the stand-in: faults, counts, members, events. It asks for no token: whoever reaches it may.

- `POST /standin/faults` `{kind, rate or count, path?, ms?, retryAfter?, seed?}`, `GET`, `DELETE`: the rules in force
- `GET /standin/stats`: connections of clients, calls, answers, what was applied and replayed, processor time
- `POST /standin/members` `{memberId, proof, balance?, clientUserId?}`, or a list of them in `members`; `GET`: all
- `GET /standin/entries`: the ledger of all members
- `POST /standin/shape` `{shape: "flat" or "wrapped"}`: the shape of refusals from now on
- `POST /standin/webhooks` `{event?, url?, signature?: "right", "wrong" or "none", ageSeconds?, copies?}`: sends an
  event; the answers to its copies
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from loyalty.standin.answers import Answer, Refused, Shape, done
from loyalty.standin.faults import Rule
from loyalty.standin.fields import Fields, invalid, one_of, parsed, text
from loyalty.standin.points import ENTRY
from loyalty.standin.state import State

PREFIX = "/standin/"
ENTRIES = """
SELECT entry_id, transaction_id, type, points_delta, balance_after, at, member_id FROM entry ORDER BY entry_id
"""
Command = Callable[[Fields], Awaitable[Any]]


class Control:
    """The calls under `/standin/`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._commands: dict[tuple[str, str], Command] = {
            ("POST", "faults"): self._add_fault,
            ("GET", "faults"): self._faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "stats"): self._stats,
            ("POST", "members"): self._put_members,
            ("GET", "members"): self._members,
            ("GET", "entries"): self._entries,
            ("POST", "shape"): self._choose_shape,
            ("POST", "webhooks"): self._send_event,
        }

    async def answer(self, request: web.BaseRequest) -> Answer:
        """Carry out one of them. Raises Refused."""
        command = self._commands.get((request.method, request.path.removeprefix(PREFIX)))
        if command is None:
            raise Refused(404, "NOT_FOUND", "There is no such command.")
        body = await request.read()
        return done(await command(parsed(body) if body else {}))

    async def _add_fault(self, fields: Fields) -> Any:
        self._state.faults.add(fields)
        return await self._faults(fields)

    async def _faults(self, fields: Fields) -> Any:
        return {"rules": [_shown(rule) for rule in self._state.faults.rules]}

    async def _clear_faults(self, fields: Fields) -> Any:
        self._state.faults.clear()
        return await self._faults(fields)

    async def _stats(self, fields: Fields) -> Any:
        return self._state.stats.shown(self._state.faults)

    async def _put_members(self, fields: Fields) -> Any:
        members = fields.get("members", [fields])
        with self._state.storage.writing():
            for member in members:
                self._state.links.put_member(
                    text(member, "memberId"),
                    proof=text(member, "proof"),
                    balance=_balance(member),
                    client_user_id=member.get("clientUserId"),
                )
        return {"members": len(members)}

    async def _members(self, fields: Fields) -> Any:
        return {"members": self._state.links.members()}

    async def _entries(self, fields: Fields) -> Any:
        rows = self._state.storage.all(ENTRIES)
        return {"entries": [dict(zip((*ENTRY, "memberId"), row, strict=True)) for row in rows]}

    async def _choose_shape(self, fields: Fields) -> Any:
        self._state.shape = Shape(one_of(fields, "shape", list(Shape)))
        return {"shape": self._state.shape}

    async def _send_event(self, fields: Fields) -> Any:
        return {"deliveries": await self._state.webhooks.send(fields)}


def _balance(member: Fields) -> int | None:
    """Return the balance that a member is to have; None leaves it."""
    balance = member.get("balance")
    if balance is not None and (type(balance) is not int or balance < 0):
        raise invalid("balance must be a whole number of 0 or more.")
    return balance


def _shown(rule: Rule) -> dict[str, Any]:
    return {
        "kind": rule.kind,
        "path": rule.path,
        "rate": rule.rate,
        "left": rule.left,
        "ms": rule.ms,
        "retryAfter": rule.retry_after_s,
    }
