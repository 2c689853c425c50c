"""The same requests in two worlds that are alike, one asked of the commands process and one of web."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations

from accounts.models import User
from accounts.tokens import issue
from core.db import rows
from tests.equality.servers import TIMES, UUIDS, Got, Pair, Sent, alike, ask

TABLES = (
    *("core_idempotencykey", "escrow_operation", "escrow_entry", "escrow_hold", "escrow_wallet"),
    *("perfqueue_queueitem", "perfqueue_transition", "perfqueue_performerqueue", "slots_spin", "slots_slotstate"),
    *("compliance_refusal", "live_event", "accounts_user"),
)
DRAWN = re.compile(r"\\x[0-9a-f]{24,}|\b[0-9a-f]{32,64}\b")
"""Bytes that are drawn, or follow from ids: seeds, nonces, commitments, fingerprints, links."""
NUMBERS = {"live_event": ("id", "xid"), "escrow_entry": ("id",)}
"""Columns that a sequence or the server counts up for everybody."""


@dataclass(frozen=True)
class World:
    """Somebody who asks, and what else their requests name."""

    user: User
    requests: Sequence[Sent]


@dataclass(frozen=True)
class Seen:
    """What was answered and what was written, with ids by their order, without times and drawn bytes."""

    answers: tuple[Got, ...]
    written: tuple[str, ...]


def same_in_both(pair: Pair, make: Callable[[], World]) -> Seen:
    """Make a world for each server, ask it, and return what both have seen, which must be equal."""
    ours, theirs = (seen(port, make) for port in (pair.commands, pair.web))
    assert ours.answers == theirs.answers, (ours.answers, theirs.answers)
    only_ours, only_theirs = ([*set(each) - set(other)] for each, other in permutations([ours.written, theirs.written]))
    assert ours.written == theirs.written, f"commands:\n{only_ours}\nweb:\n{only_theirs}"
    return ours


def seen(port: int, make: Callable[[], World]) -> Seen:
    world = make()
    (before,) = rows("SELECT pg_current_xact_id()::text::bigint AS id")
    answers = [ask(port, request) for request in world.requests]
    return Seen(tuple(map(_drawn_alike, answers)), _written_since(before["id"]))


def token_of(user: User) -> str:
    return issue(user).access


def _drawn_alike(answer: Got) -> Got:
    return Got(answer.status, answer.headers, DRAWN.sub("<bytes>", alike(answer.body.decode())).encode())


def _written_since(transaction: int) -> tuple[str, ...]:
    """Return every row written since, as text, in an order that does not depend on ids."""
    each = " UNION ALL ".join(
        f"SELECT '{name}' AS name, to_jsonb(t) AS row FROM {name} t WHERE t.xmin::text::bigint > %(since)s"  # noqa: S608
        for name in TABLES
    )
    lines = []
    for row in rows(each, {"since": transaction}):
        kept = json.loads(row["row"])
        for column in NUMBERS.get(row["name"], ()):
            del kept[column]
        if isinstance(kept.get("body"), str) and row["name"] == "core_idempotencykey":
            kept["body"] = bytes.fromhex(kept["body"][2:]).decode()
        lines.append(f"{row['name']} {json.dumps(kept, sort_keys=True)}")
    lines.sort(key=lambda line: (DRAWN.sub("", UUIDS.sub("", TIMES.sub("", line))), line))  # ids rise with the time
    return tuple(DRAWN.sub("<bytes>", alike("\n".join(lines))).splitlines())
