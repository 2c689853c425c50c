"""Writing archives: one month's spins in files that `slots/standalone/verify_archive.py` replays.

A month is written into a hidden folder beside its place, which it takes by one rename when all of it is on disk. Spins
are in the order of their players and nonces, in parts; a part is renamed when it is whole, and a second attempt goes on
after the last of them. Nothing here locks a row: stored spins never change.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from core.db import array, rows
from core.ids import NIL, first_id_at
from slots import chain
from slots.models import Paytable, Spin
from slots.services.storage import plain, record_of
from slots.standalone.verify_archive import FORMAT, LIST, MANIFEST, PLAYERS, SIGNATURE, TABLES

PAGE_ROWS = 5_000
PART_PAGES = 20
Line = dict[str, Any]
_SPINS = """
SELECT * FROM slots_spin
 WHERE id >= %(low)s AND id < %(high)s AND (user_id, nonce) > (%(user)s, %(nonce)s)
   AND (%(only)s::uuid IS NULL OR user_id = %(only)s::uuid)
 ORDER BY user_id, nonce LIMIT %(rows)s
"""
_BEFORE = """
SELECT p.user_id, p.nonce + 1 AS nonce, p.chain, p.next_commitment AS commitment, p.staked_total AS staked,
       p.paid_total AS paid
  FROM unnest(%(users)s::uuid[], %(nonces)s::bigint[]) AS a (user_id, nonce)
  JOIN slots_spin p ON p.user_id = a.user_id AND p.nonce = a.nonce - 1
UNION ALL
SELECT p.user_id, p.nonce, p.chain, p.commitment, p.staked_total, p.paid_total
  FROM unnest(%(users)s::uuid[], %(nonces)s::bigint[]) AS a (user_id, nonce)
  JOIN slots_archivedplayer p ON p.user_id = a.user_id AND p.nonce = a.nonce
"""
_MOVES = "SELECT at, from_offset::text, to_offset::text FROM core_clock_move ORDER BY id"


@dataclass(frozen=True)
class Written:
    """A month that was written: what its manifest says, the hash of its list of files, and the list's signature."""

    month: date
    folder: Path
    spins: int
    first_id: UUID | None
    last_id: UUID | None
    list_sha256: bytes
    signature: bytes
    public_key: str

    @property
    def previous(self) -> dict[str, str]:
        """How the month after this one names it."""
        return {"month": f"{self.month:%Y-%m}", "list_sha256": self.list_sha256.hex()}


@dataclass
class _Tally:
    """What is counted while a month is written."""

    spins: int = 0
    players: int = 0
    staked: int = 0
    paid: int = 0
    first_id: str | None = None
    last_id: str | None = None
    tables: set[str] = field(default_factory=set)

    def add(self, line: Line) -> None:
        self.spins += 1
        self.staked += line["bet"]
        self.paid += line["payout"]
        self.first_id = min(self.first_id or line["id"], line["id"])
        self.last_id = max(self.last_id or line["id"], line["id"])
        self.tables.add(line["paytable_id"])


class _Players:
    """The file that says where each player's month begins and ends."""

    def __init__(self, file: IO[bytes], tally: _Tally) -> None:
        self._file, self._tally = file, tally
        self._before: Line | None = None
        self._last: Line | None = None

    def take(self, page: list[Line]) -> None:
        """Take the next spins, in the order of players and nonces."""
        before = _before(page, self._last)
        for line in page:
            if self._last is None or line["user_id"] != self._last["user_id"]:
                self.end()
                self._before = before[line["user_id"]]
                self._tally.players += 1
            self._last = line

    def end(self) -> None:
        """Write the player whose spins have ended."""
        if self._last is not None:
            last = self._last
            after = _head(
                last["nonce"] + 1, last["chain"], last["next_commitment"], last["staked_total"], last["paid_total"]
            )
            self._file.write(_text({"user_id": last["user_id"], "before": self._before, "after": after}))


def write_month(
    month: date, *, into: Path, previous: Mapping[str, str] | None, complete: bool, only: UUID | None = None
) -> Written:
    """Write the spins whose ids are of `month` as the folder `into`/YYYY-MM, and sign it.

    `previous`: the month written before it. `complete`: the month is over. `only`: one player's spins. A folder that an
    attempt before left is gone on with; the caller lets nobody else write into `into`.
    """
    name = f"{month:%Y-%m}"
    work = into / f".{name}.part"
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    tally = _Tally()
    with _zipped(work / PLAYERS) as file:
        players = _Players(file, tally)
        parts = _finished(work, tally, players)
        parts += _write_rest(work, month, only, parts, tally, players)
        players.end()
    _keep(work / TABLES, b"".join(map(_text, _tables(tally.tables))))
    manifest = {
        "format": FORMAT,
        "month": name,
        "complete": complete,
        "user_id": only and str(only),
        "parts": parts,
        "spins": tally.spins,
        "players": tally.players,
        "staked": tally.staked,
        "paid": tally.paid,
        "first_id": tally.first_id,
        "last_id": tally.last_id,
        "previous": previous and dict(previous),
        "made_at": plain(datetime.now(UTC)),
        "clock_moves": _clock_moves(),
        "public_key": public_key(),
    }
    _keep(work / MANIFEST, json.dumps(manifest, indent=1).encode() + b"\n")
    _sign(work)
    _sync(work)
    work.rename(into / name)
    _sync(into)
    return read_written(into / name)


def read_written(folder: Path) -> Written:
    """Read what a finished month says of itself."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    first, last = (each and UUID(each) for each in (manifest["first_id"], manifest["last_id"]))
    return Written(
        month=date.fromisoformat(f"{manifest['month']}-01"),
        folder=folder,
        spins=manifest["spins"],
        first_id=first,
        last_id=last,
        list_sha256=hashlib.sha256((folder / LIST).read_bytes()).digest(),
        signature=(folder / SIGNATURE).read_bytes(),
        public_key=manifest["public_key"],
    )


def public_key() -> str:
    """Return the public key of `ARCHIVE_SIGNING_KEY` in hex."""
    return _signer().public_key().public_bytes_raw().hex()


def id_bounds(month: date) -> tuple[UUID, UUID]:
    """Return the first id of a month and the first after it."""
    after = month_after(month)
    return tuple(first_id_at(datetime(each.year, each.month, 1, tzinfo=UTC)) for each in (month, after))  # type: ignore[return-value]


def month_of(spin_id: UUID) -> date:
    """Return the first day of the month that an id was made in."""
    return datetime.fromtimestamp((spin_id.int >> 80) / 1000, UTC).date().replace(day=1)


def month_after(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def lines_of(path: Path) -> Iterator[Line]:
    """Yield the spins of a part."""
    with gzip.open(path, "rb") as file:
        for text in file:
            yield orjson.loads(text)


def parts_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("spins-*.ndjson.gz"))


# --- parts ----------------------------------------------------------------------------------------------------


def _finished(work: Path, tally: _Tally, players: _Players) -> int:
    """Read again the parts that an attempt before has finished; return how many there are."""
    parts = parts_of(work)
    for part in parts:
        page: list[Line] = []
        for line in lines_of(part):
            page.append(line)
            if len(page) == PAGE_ROWS:
                _count(page, tally, players)
                page = []
        _count(page, tally, players)
    return len(parts)


def _write_rest(work: Path, month: date, only: UUID | None, parts: int, tally: _Tally, players: _Players) -> int:
    """Write the parts that are missing; return how many."""
    pages = _pages(month, only, _last_of(work, parts))
    written = 0
    page = next(pages, None)
    while page is not None:
        written += 1
        path = _part(work, parts + written)
        unfinished = path.with_suffix(".unfinished")
        with _zipped(unfinished) as file:
            for _ in range(PART_PAGES):
                file.writelines(map(_text, page))
                _count(page, tally, players)
                page = next(pages, None)
                if page is None:
                    break
        unfinished.rename(path)
    return written


def _part(work: Path, number: int) -> Path:
    return work / f"spins-{number:05}.ndjson.gz"


def _last_of(work: Path, parts: int) -> tuple[UUID, int]:
    """Return player and nonce of the last spin that is written."""
    last: tuple[UUID, int] = (NIL, -1)
    if parts:
        for line in lines_of(_part(work, parts)):
            last = UUID(line["user_id"]), line["nonce"]
    return last


def _count(page: list[Line], tally: _Tally, players: _Players) -> None:
    for line in page:
        tally.add(line)
    players.take(page)


def _pages(month: date, only: UUID | None, after: tuple[UUID, int]) -> Iterator[list[Line]]:
    """Yield the stored spins of a month as lines, a page at a time."""
    low, high = id_bounds(month)
    user, nonce = after
    while True:
        asked = {"low": low, "high": high, "user": user, "nonce": nonce, "only": only, "rows": PAGE_ROWS}
        page = list(Spin.objects.raw(_SPINS, asked))
        if page:
            yield [_line(spin) for spin in page]
            user, nonce = page[-1].user_id, page[-1].nonce
        if len(page) < PAGE_ROWS:
            return


def _line(spin: Spin) -> Line:
    record = record_of(spin) | {"chain": plain(bytes(spin.chain))}
    return {name: str(value) if isinstance(value, UUID) else value for name, value in record.items()}


def _before(page: list[Line], last: Line | None) -> dict[str, Line]:
    """Return where those players stood who begin on this page (one statement, or none).

    Where the spin before was detached, it stood where its detached spins end; where it is missing, its link is null.
    """
    user_id = last["user_id"] if last else ""
    found: dict[str, Line] = {}
    for line in page:
        if line["user_id"] != user_id:
            user_id = line["user_id"]
            link = None if line["nonce"] else plain(chain.genesis(UUID(user_id)))
            staked, paid = line["staked_total"] - line["bet"], line["paid_total"] - line["payout"]
            found[user_id] = _head(line["nonce"], link, None, staked, paid)
    later = {user: head["nonce"] for user, head in found.items() if head["nonce"]}
    if later:
        for row in rows(_BEFORE, {"users": array([*later]), "nonces": array([*later.values()])}):
            found[str(row["user_id"])] = _head(
                row["nonce"], plain(bytes(row["chain"])), plain(bytes(row["commitment"])), row["staked"], row["paid"]
            )
    return found


def _head(nonce: int, link: str | None, commitment: str | None, staked: int, paid: int) -> Line:
    return {"nonce": nonce, "chain": link, "commitment": commitment, "staked": staked, "paid": paid}


# --- files ----------------------------------------------------------------------------------------------------


def _tables(ids: Iterable[str]) -> list[Line]:
    tables = Paytable.objects.filter(pk__in=list(ids)).order_by("pk")
    return [{"id": str(each.pk), "digest": plain(bytes(each.digest)), "canonical": each.canonical} for each in tables]


def _clock_moves() -> list[dict[str, str]]:
    """Return the moves of a demo's clock: times may run back across them."""
    return [{name: str(value) for name, value in move.items()} for move in rows(_MOVES)]


def _text(line: Line) -> bytes:
    return orjson.dumps(line, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


@contextmanager
def _zipped(path: Path) -> Iterator[IO[bytes]]:
    """Write a file by gzip, the same bytes for the same lines, and force it to disk."""
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as file:
        yield file  # type: ignore[misc]
    _sync(path)


def _keep(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    _sync(path)


def _sign(work: Path) -> None:
    """Write the list of hashes, as sha256sum does, and its signature."""
    names = [MANIFEST, TABLES, PLAYERS, *(path.name for path in parts_of(work))]
    hashes = []
    for name in names:
        with (work / name).open("rb") as file:
            hashes.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n")
    listed = "".join(hashes).encode()
    _keep(work / LIST, listed)
    _keep(work / SIGNATURE, _signer().sign(listed))


def _signer() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(settings.ARCHIVE_SIGNING_KEY)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
