"""The rows of a world, to be put back for the other server, and what was written since, without ids and times."""

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from hashlib import blake2b

from django.db import connection, transaction

from core.db import rows
from tests.cleaning import EMPTY, TABLES
from tests.equality.servers import TIMES, UUIDS

HASHES = re.compile(r"\\\\x[0-9a-f]{32,}|\b[0-9a-f]{64}\b")
NAME = re.compile(r"<[0-9a-f]{12}>")
TOKENS = "token_blacklist_outstandingtoken"
"""The clients' own, issued as they go."""
ROUNDS = 4
"""How far away what an id belongs to is looked for."""


@dataclass(frozen=True)
class World:
    """Every row of the database. `ids`: those in it."""

    tables: dict[str, str]

    @classmethod
    def now(cls) -> "World":
        found = {row["name"]: "" for row in rows(TABLES)}
        for name in found:
            found[name] = rows(f"SELECT coalesce(json_agg(t), '[]')::text AS text FROM {name} t")[0]["text"]  # noqa: S608
        return cls(found)

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(UUIDS.findall(" ".join(self.tables.values())))

    def again(self) -> None:
        """Put the rows back, with triggers off."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(EMPTY)
            cursor.execute("SET LOCAL session_replication_role = replica")
            for name, text in self.tables.items():
                copy = f"INSERT INTO {name} SELECT * FROM json_populate_recordset(NULL::{name}, %s)"  # noqa: S608
                cursor.execute(copy, [text])

    def written(self) -> tuple[Counter[str], Counter[str]]:
        """The rows that are here now and were not, and those that were and are no more.

        A new id is named by the rows that it is in; a time, a hash and a sealed value by being one.
        """
        before, after = row_counts(self.tables), row_counts(World.now().tables)
        return named(after - before, self.ids), before - after


def row_counts(tables: dict[str, str]) -> Counter[str]:
    """Each row as text."""
    found = Counter[str]()
    for name, text in tables.items():
        for row in json.loads(text) if name != TOKENS else ():
            row.pop("xid", None)
            if isinstance(row.get("id"), int):  # of a sequence, in the order of arrival
                del row["id"]
            if name == "core_idempotencykey" and row["body"]:
                row["body"] = bytes.fromhex(row["body"][2:]).decode()
                row["fingerprint"] = row["fingerprint"][2:18]  # no hash then: it has to be the same
            found[f"{name} {json.dumps(row, sort_keys=True)}"] += 1
    return found


def named(found: Counter[str], known: frozenset[str]) -> Counter[str]:
    """The rows with ids that are not known named by what is said of them."""
    texts = Counter[str]()
    for text, times in found.items():
        texts[HASHES.sub("<hash>", TIMES.sub("<time>", text))] += times
    names: dict[str, str] = {}
    for _ in range(ROUNDS):
        said = defaultdict[str, list[str]](list)
        for text in texts.elements():
            for one in set(UUIDS.findall(text)) - known:
                said[one].append(_with(names | {one: "<this>"}, text, known))
        names = {
            one: f"<{blake2b(repr(sorted(all_)).encode(), digest_size=6).hexdigest()}>" for one, all_ in said.items()
        }
    return Counter(_with(names, text, known) for text in texts.elements())


def _with(names: dict[str, str], text: str, known: frozenset[str]) -> str:
    return UUIDS.sub(lambda found: found[0] if found[0] in known else names.get(found[0], "<id>"), text)


def nameless(found: Counter[str]) -> Counter[str]:
    """The same rows with all new ids alike."""
    plain = Counter[str]()
    for text, times in found.items():
        plain[NAME.sub("<id>", text)] += times
    return plain
