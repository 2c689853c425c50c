#!/usr/bin/env python3
"""Replay an archive of the slot machine's spins: `python3 verify_archive.py FOLDER [--key HEX]`.

One file, Python 3.9 or later, nothing but the standard library, no code of the machine: the rules are written a second
time from their description (slots/README.md, "Fairness" and "Archives"). FOLDER is a month, or holds months. Each
defect is named with its file, its line, the spin's id and what differs. Exit: 0 none, 1 defects, 2 not an archive.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import hmac
import json
import re
import sys
import zlib
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple  # noqa: UP035  Python 3.9

FORMAT = "slots/archive/v1"
MANIFEST, TABLES, PLAYERS, LIST, SIGNATURE = (
    "manifest.json",
    "paytables.ndjson",
    "players.ndjson.gz",
    "SHA256SUMS",
    "SHA256SUMS.sig",
)
HEX = re.compile(r"\\x(?:[0-9a-f]{2})*\Z")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00\Z")
LISTED = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9_-][A-Za-z0-9._-]*)\Z")
DAY_MS = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017  Python 3.9


class Defect(NamedTuple):
    """Something that is not as it must be."""

    check: str
    file: str
    line: int
    spin: str
    what: str

    def __str__(self) -> str:
        place = self.file + (f", line {self.line}" if self.line else "") + (f", spin {self.spin}" if self.spin else "")
        return f"{self.check}: {place}: {self.what}"


class Head(NamedTuple):
    """Where a player's spins stand: the next nonce, and what the next spin must continue. None: not known."""

    nonce: int
    chain: str | None
    commitment: str | None
    staked: int
    paid: int
    at: str = ""


class NotAnArchive(Exception):
    """The folder cannot be read as an archive at all."""


# --- the draw -------------------------------------------------------------------------------------------------


class Rules:
    """A paytable: which symbols a ticket shows and what they pay."""

    def __init__(self, canonical: str) -> None:
        table = json.loads(canonical)
        self.digest = hashlib.sha256(canonical.encode()).digest()
        self.unit: int = table["unit"]
        self.weights: list[tuple[str, int]] = [(each["s"], each["w"]) for each in table["symbols"]]
        self.triples: dict[str, int] = {each["s"]: each["x3"] for each in table["symbols"]}
        self.pairs: dict[str, int] = table.get("pair", {})
        mixed = table.get("mixed", {"of": [], "pay": 0})
        self.mixed_of, self.mixed_pay = set(mixed["of"]), int(mixed["pay"])
        self.stops: int = sum(weight for _, weight in self.weights)

    def ticket(self, seed: bytes, nonce: int, client_seed: bytes, client_nonce: bytes) -> int:
        """The first of the HMAC's 64-bit integers that lies below the greatest multiple of the number of tickets."""
        tickets = self.stops**3
        below = 2**64 - 2**64 % tickets
        message = b"slots/v1\0" + self.digest + nonce.to_bytes(8, "big")
        message += len(client_seed).to_bytes(2, "big") + client_seed + client_nonce
        block = 0
        while True:
            found = hmac.new(seed, message + block.to_bytes(4, "big"), hashlib.sha256).digest()
            for place in (0, 8, 16, 24):
                word = int.from_bytes(found[place : place + 8], "big")
                if word < below:
                    return word % tickets
            block += 1

    def symbols(self, ticket: int) -> list[str]:
        stops = (ticket // self.stops**2, ticket // self.stops % self.stops, ticket % self.stops)
        return [self._symbol(stop) for stop in stops]

    def _symbol(self, stop: int) -> str:
        for name, weight in self.weights:
            if stop < weight:
                return name
            stop -= weight
        raise ValueError("no such stop")

    def pay(self, symbols: list[str]) -> int:
        """What three symbols pay: the highest kind alone."""
        counted = Counter(symbols)
        (name, times), *_ = counted.most_common()
        if times == 3:
            return self.triples[name]
        if set(counted) <= self.mixed_of:
            return self.mixed_pay
        return self.pairs.get(name, 0) if times == 2 else 0


# --- Ed25519 (RFC 8032, section 5.1) --------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]
"""A point of the curve as X, Y, Z, T: x = X/Z, y = Y/Z, xy = T/Z."""


def signed_by(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether this is the signature of the message by the key: 8·S·B = 8·R + 8·k·A."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, nonce = _point(public_key), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or nonce is None or scalar >= L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % L
    base = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    assert base is not None  # noqa: S101  a constant
    left, right = _times(8 * scalar, base), _times(8, _sum(nonce, _times(challenge, key)))
    same_x = (left[0] * right[2] - right[0] * left[2]) % P == 0
    return same_x and (left[1] * right[2] - right[1] * left[2]) % P == 0


def _point(encoded: bytes) -> Point | None:
    """Decode a point: y in 255 bits, then the lowest bit of x. None if it is none."""
    number = int.from_bytes(encoded, "little")
    odd, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and odd):
        return None
    x = P - x if x & 1 != odd else x
    return x, y, 1, x * y % P


def _sum(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * D * one[3] * other[3] % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _sum(result, point)
        point, scalar = _sum(point, point), scalar >> 1
    return result


# --- lines ----------------------------------------------------------------------------------------------------


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _matching(pattern: Any) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.match(value) is not None


def _hex(size: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and len(value) == 2 + 2 * size and HEX.match(value) is not None


def _or_none(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or is_right(value)


def _time(value: Any) -> bool:
    try:
        return TIME.match(value) is not None and time_ms(value) > 0
    except (TypeError, ValueError):
        return False


_id = _matching(UUID)
SPIN: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("id", "user_id", "paytable_id", "hold_id", "item_id"), _id),
    **dict.fromkeys(("nonce", "bet", "payout", "ticket", "balance_before", "balance_after"), _whole),
    **dict.fromkeys(("staked_total", "paid_total"), _whole),
    **dict.fromkeys(("paytable_digest", "seed", "next_commitment", "chain"), _hex(32)),
    "at": _time,
    "symbols": lambda value: isinstance(value, list) and len(value) == 3 and all(isinstance(s, str) for s in value),
    "client_seed": lambda value: isinstance(value, str) and len(value.encode()) <= 64,
    "client_nonce": _hex(16),
    "client_nonce_drawn": lambda value: isinstance(value, bool),
    "performer_id": _or_none(_id),
}
HEAD: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("nonce", "staked", "paid"), _whole),
    **dict.fromkeys(("chain", "commitment"), _or_none(_hex(32))),
}
PLAYER = dict.fromkeys(("before", "after"), lambda value: _wrong(value, HEAD) == "")
PLAYER["user_id"] = _id
_month = _matching(re.compile(r"\d{4}-(?:0[1-9]|1[0-2])\Z"))
_listed = _matching(re.compile(r"[0-9a-f]{64}\Z"))
MEMBERS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("parts", "spins", "players", "staked", "paid"), _whole),
    **dict.fromkeys(("first_id", "last_id"), _or_none(_id)),
    "format": lambda value: isinstance(value, str),
    "month": _month,
    "complete": lambda value: isinstance(value, bool),
    "user_id": _or_none(_id),
    "made_at": _time,
    "public_key": _listed,
    "previous": _or_none(lambda value: _wrong(value, {"month": _month, "list_sha256": _listed}) == ""),
    "clock_moves": lambda value: isinstance(value, list),
}
TABLE = {"id": _id, "digest": _hex(32), "canonical": lambda value: isinstance(value, str)}


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no white space, in UTF-8: what links and digests are taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def genesis(user_id: str) -> str:
    """The start of a player's chain."""
    return "\\x" + hashlib.sha256(b"slots/chain/v1\0" + bytes.fromhex(user_id.replace("-", ""))).hexdigest()


def hashed(data: bytes) -> str:
    return "\\x" + hashlib.sha256(data).hexdigest()


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def id_ms(spin_id: str) -> int:
    """The millisecond of a UUIDv7."""
    return int(spin_id.replace("-", "")[:12], 16)


def time_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def month_of(spin_id: str) -> str:
    """The month of a spin's id, as YYYY-MM."""
    try:
        return (EPOCH + timedelta(milliseconds=id_ms(spin_id))).strftime("%Y-%m")
    except OverflowError:
        return "no month"


def _wrong(row: Any, shape: dict[str, Callable[[Any], bool]]) -> str:
    """Say what is wrong with the form of a row, empty if nothing is."""
    if not isinstance(row, dict) or set(row) != set(shape):
        return f"its members are not {', '.join(sorted(shape))}"
    return ", ".join(f"{name} has not its form" for name in sorted(shape) if not shape[name](row[name]))


def _row(text: bytes, shape: dict[str, Callable[[Any], bool]]) -> tuple[Any, str]:
    """Read a line: what it holds, and what is wrong with its form."""
    try:
        row = json.loads(text)
        return row, _wrong(row, shape) or ("" if canonical(row) + b"\n" == text else "the line is not canonical JSON")
    except (ValueError, RecursionError) as error:
        return None, f"it cannot be read: {error}"


def _sha256_of(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(2**20), b""):
            found.update(block)
    return found.hexdigest()


# --- the replay -----------------------------------------------------------------------------------------------


def _continues(spin: dict[str, Any], head: Head, timed: bool) -> Iterator[tuple[str, str]]:
    """Yield how a spin fails to continue from the one before. After a gap the rest cannot be compared."""
    if timed and spin["at"] < head.at:
        yield "TIME", f"at is {spin['at']}, the spin before was at {head.at}"
    if timed and abs(id_ms(spin["id"]) - time_ms(spin["at"])) > DAY_MS:
        yield "TIME", f"at is {spin['at']}, more than a day from the time in its id"
    paid = spin["balance_after"] - spin["balance_before"] + spin["bet"]  # less than the payout if it settled a debt
    if not 0 <= paid <= spin["payout"]:
        yield "BALANCE", f"the balance goes from {spin['balance_before']} to {spin['balance_after']}"
    if spin["nonce"] != head.nonce:
        yield "GAP", f"nonce {head.nonce} was to come, {spin['nonce']} is here"
        return
    record = {name: value for name, value in spin.items() if name != "chain"}
    if head.chain is not None and spin["chain"] != hashed(raw(head.chain) + canonical(record)):
        yield "CHAIN", "the link is not that of this record after the one before"
    if head.commitment not in (None, hashed(raw(spin["seed"]))):
        yield "COMMITMENT", f"the seed is not the one committed to, {head.commitment}"
    for name, stored, sum_ in (
        ("staked_total", spin["staked_total"], head.staked + spin["bet"]),
        ("paid_total", spin["paid_total"], head.paid + spin["payout"]),
    ):
        if stored != sum_:
            yield "TOTALS", f"{name} is {stored}, the spins up to here add up to {sum_}"


class Replay:
    """A walk through months, in their order: the defects found, and where each player stands."""

    def __init__(self, keys: list[bytes]) -> None:
        self.keys = keys
        self.heads: dict[str, Head] = {}
        self.defects: list[Defect] = []
        self.notes: list[str] = []
        self.spins = 0
        self.last: tuple[str, str] | None = None
        self.whole = False

    def month(self, folder: Path) -> None:
        """Replay one month's folder."""
        self.folder = folder
        self._files()
        manifest = self._manifest()
        self._signature(manifest)
        self._previous(manifest)
        self.rules = self._tables()
        self.timed = not manifest["clock_moves"]
        counted = self._walk(manifest)
        for name, here in counted.items():
            if manifest[name] != here:
                self._found("MANIFEST", MANIFEST, 0, "", f"{name} is {manifest[name]}, the files have {here}")
        self.spins += counted["spins"]
        self.last = manifest["month"], hashlib.sha256(self._bytes(LIST)).hexdigest()

    def _walk(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Replay the month's spins, player after player; return what the manifest says of them."""
        players: dict[str, tuple[int, dict[str, Any]]] = {}
        for line, row in self._lines(PLAYERS, PLAYER):
            if row["user_id"] in players:
                self._found("PLAYER", PLAYERS, line, "", f"player {row['user_id']} stands here twice")
            players[row["user_id"]] = line, row
        counted: dict[str, Any] = dict.fromkeys(("spins", "players", "staked", "paid"), 0)
        first, last, user_id = None, None, ""
        for file in (f"spins-{number:05}.ndjson.gz" for number in range(1, manifest["parts"] + 1)):
            for line, spin in self._lines(file, SPIN):
                if spin["user_id"] != user_id:
                    if spin["user_id"] < user_id:
                        self._found("ORDER", file, line, spin["id"], "players are not in the order of their ids")
                    self._leave(players, user_id)
                    user_id = spin["user_id"]
                    self._enter(players, spin, file, line)
                    counted["players"] += 1
                self._spin(spin, file, line, manifest["month"])
                for name, points in (("spins", 1), ("staked", spin["bet"]), ("paid", spin["payout"])):
                    counted[name] += points
                first, last = min(first or spin["id"], spin["id"]), max(last or spin["id"], spin["id"])
        self._leave(players, user_id)
        for absent, (line, _) in players.items():
            self._found("PLAYER", PLAYERS, line, "", f"no spin of player {absent} is here")
        return {**counted, "first_id": first, "last_id": last}

    def _files(self) -> None:
        """Compare the files with the list of their hashes."""
        listed: dict[str, str] = {}
        for number, text in enumerate(self._bytes(LIST).decode("ascii", "replace").splitlines(), start=1):
            match = LISTED.match(text)
            if match is None or match[2] in listed:
                self._found("FILES", LIST, number, "", "no line of a list of hashes, or a name twice")
            else:
                listed[match[2]] = match[1]
        present = {path.name for path in self.folder.iterdir()} - {LIST, SIGNATURE}
        for name in sorted(present | set(listed)):
            if name not in listed:
                self._found("FILES", name, 0, "", "the file is not in the list")
            elif name not in present:
                self._found("FILES", name, 0, "", "the file is missing")
            elif _sha256_of(self.folder / name) != listed[name]:
                self._found("FILES", name, 0, "", "its SHA-256 is not the one in the list")

    def _manifest(self) -> dict[str, Any]:
        try:
            manifest = json.loads(self._bytes(MANIFEST))
            wrong = _wrong(manifest, MEMBERS)
            if wrong or manifest["format"] != FORMAT:
                raise ValueError(wrong or f"its format is not {FORMAT}")
        except (ValueError, RecursionError) as error:
            raise NotAnArchive(f"{self.folder / MANIFEST}: {error}") from None
        if self.folder.name != manifest["month"]:
            what = f"it is of month {manifest['month']}, the folder of {self.folder.name}"
            self._found("MANIFEST", MANIFEST, 0, "", what)
        return dict(manifest)

    def _signature(self, manifest: dict[str, Any]) -> None:
        key = bytes.fromhex(manifest["public_key"])
        if self.keys and key not in self.keys:
            self._found("SIGNATURE", MANIFEST, 0, "", f"public key {key.hex()} is none of those given")
        elif not self.keys:
            self.notes.append(f"{self.folder.name}: signer {key.hex()} was compared with no known key (--key)")
        path = self.folder / SIGNATURE
        if not path.is_file():
            self._found("SIGNATURE", SIGNATURE, 0, "", "there is no signature")
        elif not signed_by(key, self._bytes(LIST), path.read_bytes()):
            self._found("SIGNATURE", SIGNATURE, 0, "", f"it is not the signature of {LIST} by {key.hex()}")

    def _previous(self, manifest: dict[str, Any]) -> None:
        """The month before, if one is here, is the one that this month was written after."""
        previous = manifest["previous"]
        given = previous and (previous["month"], previous["list_sha256"])
        if self.last is None:
            self.whole = given is None
            if given is not None:
                self.notes.append(f"{self.folder.name}: {given[0]} is not here, what was before is taken on trust")
        elif given != self.last:
            what = f"written after {given}, but the month before it here is {self.last}"
            self._found("MONTHS", MANIFEST, 0, "", what)

    def _tables(self) -> dict[tuple[str, str], Rules]:
        found: dict[tuple[str, str], Rules] = {}
        for line, row in self._lines(TABLES, TABLE):
            try:
                rules = Rules(row["canonical"])
            except (KeyError, TypeError, ValueError):
                self._found("PAYTABLE", TABLES, line, "", "it is not a paytable")
                continue
            if "\\x" + rules.digest.hex() != row["digest"]:
                self._found("PAYTABLE", TABLES, line, "", f"digest {row['digest']} is not that of the table")
            found[row["id"], "\\x" + rules.digest.hex()] = rules
        return found

    def _enter(self, players: dict[str, Any], spin: dict[str, Any], file: str, line: int) -> None:
        """Begin a player's spins of this month where those of the months before end."""
        user_id = spin["user_id"]
        start = Head(0, genesis(user_id), None, 0, 0)
        known = self.heads.get(user_id)
        if user_id not in players:
            self._found("PLAYER", file, line, spin["id"], f"player {user_id} is not in {PLAYERS}, or came before")
            self.heads[user_id] = known or start
            return
        number, row = players[user_id]
        told = Head(**row["before"])
        if known is None and (self.whole or told.nonce == 0):
            known = start
        if known is not None:
            self._compare(told, known, number, user_id, "before")
        self.heads[user_id] = known or told

    def _leave(self, players: dict[str, Any], user_id: str) -> None:
        """Compare the end of a player's spins with what the list of players says of it."""
        if user_id in players:
            number, row = players.pop(user_id)
            self._compare(Head(**row["after"]), self.heads[user_id], number, user_id, "after")

    def _compare(self, told: Head, found: Head, line: int, user_id: str, when: str) -> None:
        for name in Head._fields[:5]:
            here, there = getattr(told, name), getattr(found, name)
            unknown = when == "before" and here is None
            if here != there and not unknown:
                self._found("PLAYER", PLAYERS, line, "", f"{name} {when} of {user_id} is {here}, by its spins {there}")

    def _spin(self, spin: dict[str, Any], file: str, line: int, month: str) -> None:
        """Compare a spin with the one before and with what its seed draws; the next one continues from it."""
        head = self.heads[spin["user_id"]]
        found = [*_continues(spin, head, self.timed), *self._drawn(spin)]
        if month_of(spin["id"]) != month:
            found.append(("MONTH", f"its id is of {month_of(spin['id'])}"))
        for check, what in found:
            self._found(check, file, line, spin["id"], what)
        self.heads[spin["user_id"]] = Head(
            spin["nonce"] + 1,
            spin["chain"],
            spin["next_commitment"],
            spin["staked_total"],
            spin["paid_total"],
            spin["at"],
        )

    def _drawn(self, spin: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield how the outcome differs from the one that seed, nonces and paytable give."""
        rules = self.rules.get((spin["paytable_id"], spin["paytable_digest"]))
        if rules is None:
            yield "DRAW", f"{TABLES} has no paytable {spin['paytable_id']} with digest {spin['paytable_digest']}"
            return
        ticket = rules.ticket(raw(spin["seed"]), spin["nonce"], spin["client_seed"].encode(), raw(spin["client_nonce"]))
        symbols = rules.symbols(ticket)
        drawn = {"ticket": ticket, "symbols": symbols, "payout": rules.pay(symbols), "bet": rules.unit}
        for name in drawn:
            if spin[name] != drawn[name]:
                yield "DRAW", f"{name} is {spin[name]}, the draw gives {drawn[name]}"

    def _bytes(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise NotAnArchive(f"{self.folder / name}: {error.strerror}") from None

    def _lines(self, name: str, shape: dict[str, Callable[[Any], bool]]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the lines of a file that have their form, with their numbers."""
        line = 0
        try:
            with (gzip.open if name.endswith(".gz") else open)(self.folder / name, "rb") as file:
                for line, text in enumerate(file, start=1):
                    row, wrong = _row(text, shape)
                    if wrong:
                        self._found("FORM", name, line, str(row["id"]) if "id" in (row or ()) else "", wrong)
                    else:
                        yield line, row
        except (OSError, EOFError, zlib.error) as error:
            self._found("FILES", name, line + 1, "", f"it cannot be read on: {error}")

    def _found(self, check: str, file: str, line: int, spin: str, what: str) -> None:
        self.defects.append(Defect(check, f"{self.folder.name}/{file}", line, spin, what))


def replay(folder: Path, keys: list[bytes]) -> Replay:
    """Replay a month, or every month in a folder, in order. Raises NotAnArchive."""
    inside = sorted(path for path in folder.glob("????-??") if path.is_dir()) if folder.is_dir() else []
    months = [folder] if (folder / MANIFEST).is_file() else inside
    if not months:
        raise NotAnArchive(f"{folder}: no archive of a month")
    walk = Replay(keys)
    for month in months:
        walk.month(month)
    return walk


def main() -> int:
    asked = argparse.ArgumentParser(description="Replay an archive of the slot machine's spins.")
    asked.add_argument("folder", type=Path, help="a month's folder, or one that holds months")
    asked.add_argument(
        "--key", action="append", default=[], type=bytes.fromhex, help="the signer's public key in hex; may be repeated"
    )
    given = asked.parse_args()
    try:
        walk = replay(given.folder, given.key)
    except NotAnArchive as error:
        print(error, file=sys.stderr)
        return 2
    for text in [*walk.defects, *(f"note: {note}" for note in walk.notes)]:
        print(text)
    print(f"{walk.spins} spins of {len(walk.heads)} players, {len(walk.defects)} defects")
    return 1 if walk.defects else 0


if __name__ == "__main__":
    sys.exit(main())
