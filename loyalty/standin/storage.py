"""The stand-in's file: SQLite with a write-ahead log, one connection, one writer.

A commit is in the file's log before its call is answered, so a killed process loses nothing; `synchronous=NORMAL` calls
fsync at checkpoints, so a machine that loses power may lose the last moments.
"""

import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from loyalty.standin.answers import Answer, Refused, Shape, done

SCHEMA = """
CREATE TABLE IF NOT EXISTS member (
    member_id TEXT PRIMARY KEY,
    proof TEXT NOT NULL,
    client_user_id TEXT UNIQUE,
    linked_at TEXT,
    balance INTEGER NOT NULL CHECK (balance >= 0),
    updated_at TEXT NOT NULL,
    CHECK ((client_user_id IS NULL) = (linked_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intent (
    intent_id TEXT PRIMARY KEY,
    client_user_id TEXT NOT NULL,
    link_code TEXT NOT NULL UNIQUE,
    expires_at TEXT NOT NULL,
    confirmed_at TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (
    entry_id INTEGER PRIMARY KEY,
    member_id TEXT NOT NULL,
    transaction_id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    points_delta INTEGER NOT NULL,
    balance_after INTEGER NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entry_of_member ON entry (member_id, entry_id);
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""
KNOWN = "SELECT fingerprint, status, body FROM answer WHERE key = ?"
KEEP = "INSERT INTO answer (key, fingerprint, status, body) VALUES (?, ?, ?, ?)"


class Storage:
    """What the stand-in knows, in a file that only one process may have open."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None, cached_statements=64)
        self.execute = self._connection.execute
        self.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Move the log into the file and close it."""
        self._connection.close()

    def one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        """Return the first row."""
        found: tuple[Any, ...] | None = self.execute(sql, values).fetchone()
        return found

    def all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return every row."""
        return self.execute(sql, values).fetchall()

    def once(self, key: str, call: str, fields: dict[str, Any], shape: Shape, work: Callable[[], Any]) -> "Once":
        """Carry out a call, or return the answer that its key has already.

        The changes and the answer are committed together.

        Raises:
            Refused: 409 `IDEMPOTENCY_KEY_REUSE_MISMATCH`, or what `work` refused; nothing was written.
        """
        asked = sha256(call.encode() + orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).digest()
        if known := self.one(KNOWN, key):
            fingerprint, status, body = known
            if fingerprint != asked:
                raise Refused(409, "IDEMPOTENCY_KEY_REUSE_MISMATCH", "The key was used with another body.")
            return Once(Answer(status, body), is_first=False)
        with self.writing():
            try:
                answer = done(work())
            except Refused as refused:
                if not refused.is_kept:
                    raise
                answer = refused.answer(shape)
            self.execute(KEEP, (key, asked, answer.status, answer.body))
        return Once(answer, is_first=True)

    def writing(self) -> "Writing":
        """Return a block whose changes are committed together, or not at all if it raises."""
        return Writing(self._connection)


class Once:
    """An answer, and whether the call was carried out for it."""

    __slots__ = ("answer", "is_first")

    def __init__(self, answer: Answer, *, is_first: bool) -> None:
        self.answer = answer
        self.is_first = is_first


class Writing:
    """A transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._connection.execute("ROLLBACK" if kind else "COMMIT")
