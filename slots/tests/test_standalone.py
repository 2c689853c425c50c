"""The stand-alone verifier replays the sample archive, and names whatever is changed in it, however it is signed."""

import ast
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from slots import chain
from slots.draw import draw, parse
from slots.services.paytables import FILES
from slots.standalone import verify_archive
from slots.standalone.verify_archive import LIST, MANIFEST, PLAYERS, SIGNATURE, Defect, NotAnArchive, Rules, signed_by

FILE = Path(verify_archive.__file__)
SAMPLE = Path(__file__).with_name("archive")  # by `export_spins`, of spins in two months; must pass for ever
MONTH, LATER = "2026-11", "2026-12"
SPINS = "spins-00001.ndjson.gz"
KEY = bytes.fromhex("d65d613b26709bf1c00b5cd68954bf6d24e878ae9373a7ae58a4b87343c6af8b")
Line = dict[str, Any]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A copy of the sample, to be changed."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "archive"))


def lines(folder: Path, name: str = SPINS) -> list[Line]:
    return [json.loads(text) for text in gzip.decompress((folder / name).read_bytes()).splitlines()]


def write(folder: Path, found: list[Line], name: str = SPINS) -> None:
    (folder / name).write_bytes(gzip.compress(b"".join(verify_archive.canonical(each) + b"\n" for each in found)))


def sign(folder: Path) -> None:
    """List and sign the folder as it is, as somebody who had the key could."""
    names = sorted({path.name for path in folder.iterdir()} - {LIST, SIGNATURE})
    listed = "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names).encode()
    (folder / LIST).write_bytes(listed)
    signer = Ed25519PrivateKey.from_private_bytes(settings.ARCHIVE_SIGNING_KEY)
    (folder / SIGNATURE).write_bytes(signer.sign(listed))


def defects(folder: Path, *keys: bytes) -> list[Defect]:
    return verify_archive.replay(folder, list(keys) or [KEY]).defects


def checks(found: list[Defect]) -> set[str]:
    return {each.check for each in found}


# --- the sample -----------------------------------------------------------------------------------------------


def test_it_runs_alone_with_the_standard_library_only() -> None:
    run = [sys.executable, "-I", "-S", str(FILE), str(SAMPLE), "--key", KEY.hex()]
    done = subprocess.run(run, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "18 spins of 3 players, 0 defects\n"


def test_it_imports_nothing_of_ours_and_is_python_3_9() -> None:
    tree = ast.parse(FILE.read_text(encoding="utf-8"), feature_version=(3, 9))
    named = {each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
    named |= {name.name for each in ast.walk(tree) if isinstance(each, ast.Import) for name in each.names}

    assert named <= sys.stdlib_module_names


def test_a_month_alone_says_what_it_takes_on_trust() -> None:
    walk = verify_archive.replay(SAMPLE / LATER, [])

    assert walk.defects == []
    assert [note.partition(":")[0] for note in walk.notes] == [LATER, LATER]
    assert "--key" in walk.notes[0]
    assert "2026-11 is not here" in walk.notes[1]


def test_what_is_no_archive_ends_with_2(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, FILE, tmp_path], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "no archive of a month" in done.stderr


# --- its own draw and its own signatures ----------------------------------------------------------------------


def _rules(name: str) -> Rules:
    table = json.loads((FILES / f"{name}.json").read_text())["table"]
    return Rules(parse(table).canonical.decode())


def test_its_draw_reproduces_the_published_vectors() -> None:
    vectors = json.loads((FILES / "vectors.json").read_text())
    for each in vectors:
        rules = _rules(each["paytable"])
        seed, given = bytes.fromhex(each["seedHex"]), bytes.fromhex(each["clientNonceHex"])
        ticket = rules.ticket(seed, each["nonce"], each["clientSeed"].encode(), given)
        symbols = rules.symbols(ticket)
        assert (ticket, symbols, rules.pay(symbols)) == (each["ticket"], each["symbols"], each["pay"])

    assert len(vectors) == 45


@given(seed=st.binary(min_size=32, max_size=32), nonce=st.integers(0, 2**63 - 1), text=st.text(max_size=16))
def test_both_draws_agree(seed: bytes, nonce: int, text: str) -> None:
    table = parse(json.loads((FILES / "classic-95-high.json").read_text())["table"])
    ours = draw(table, seed=seed, nonce=nonce, client_seed=text, client_nonce=seed[:16])
    rules = _rules("classic-95-high")

    ticket = rules.ticket(seed, nonce, text.encode(), seed[:16])

    assert (ours.ticket, list(ours.symbols)) == (ticket, rules.symbols(ticket))
    assert ours.payout == rules.pay(rules.symbols(ticket))


RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_signatures_of_rfc_8032_hold(key: str, message: str, signature: str) -> None:
    assert signed_by(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature))


@pytest.mark.parametrize("place", [0, 31, 32, 63])
def test_a_changed_bit_of_a_signature_a_message_or_a_key_does_not(place: int) -> None:
    signer = Ed25519PrivateKey.generate()
    key, signature = signer.public_key().public_bytes_raw(), bytearray(signer.sign(b"message"))
    assert signed_by(key, b"message", bytes(signature))

    assert not signed_by(key, b"massage", bytes(signature))
    assert not signed_by(Ed25519PrivateKey.generate().public_key().public_bytes_raw(), b"message", bytes(signature))
    signature[place] ^= 1
    assert not signed_by(key, b"message", bytes(signature))


def test_a_signature_with_a_scalar_out_of_range_or_of_another_length_does_not_hold() -> None:
    signer = Ed25519PrivateKey.generate()
    key, signature = signer.public_key().public_bytes_raw(), signer.sign(b"m")
    greater = int.from_bytes(signature[32:], "little") + verify_archive.L

    assert not signed_by(key, b"m", signature[:32] + greater.to_bytes(32, "little"))
    assert not signed_by(key, b"m", signature[:63])
    assert not signed_by(b"\xff" * 32, b"m", signature)


# --- what is changed in spins is named, even if all is signed anew ------------------------------------------------

OTHER_ID = "01a2264d-7f5a-7371-9e5e-000000000000"
BYTES = {"paytable_digest", "seed", "next_commitment", "client_nonce", "chain"}
FOUND = {
    "nonce": {"GAP", "DRAW"},
    "bet": {"DRAW", "CHAIN", "TOTALS"},
    "payout": {"DRAW", "CHAIN", "TOTALS"},
    "ticket": {"DRAW", "CHAIN"},
    "symbols": {"DRAW", "CHAIN"},
    "paytable_id": {"DRAW", "CHAIN"},
    "paytable_digest": {"DRAW", "CHAIN"},
    "seed": {"DRAW", "CHAIN", "COMMITMENT"},
    "client_seed": {"DRAW", "CHAIN"},
    "client_nonce": {"DRAW", "CHAIN"},
    "staked_total": {"CHAIN", "TOTALS"},
    "paid_total": {"CHAIN", "TOTALS"},
    "user_id": {"PLAYER"},
}


def changed(field: str, value: Any) -> Any:
    """Another value of the same form."""
    if field == "symbols":
        return ["diamond", "diamond", "diamond"]
    if field == "at":
        return value[:-7] + ("1" if value[-7] != "1" else "2") + value[-6:]
    if field in BYTES:
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return "changed" if field == "client_seed" else OTHER_ID


def start_of_each_player(found: list[Line]) -> list[int]:
    return [place for place, line in enumerate(found) if place == 0 or line["user_id"] != found[place - 1]["user_id"]]


@pytest.mark.parametrize("place", ["first", "middle", "last"])
@pytest.mark.parametrize("field", [*chain.FIELDS, "chain"])
def test_any_changed_field_of_any_spin_is_named(archive: Path, field: str, place: str) -> None:
    found = lines(archive / MONTH)
    begun = start_of_each_player(found)
    number = {"first": begun[0], "middle": begun[0] + 1, "last": begun[1] - 1}[place]
    spin_id = found[number]["id"]
    found[number][field] = changed(field, found[number][field])
    write(archive / MONTH, found)
    sign(archive / MONTH)

    named = [each for each in defects(archive / MONTH) if each.line == number + 1 and each.file.endswith(SPINS)]

    assert {each.spin for each in named} == {OTHER_ID if field == "id" else spin_id}
    assert checks(named) >= FOUND.get(field, {"CHAIN"}) - ({"COMMITMENT"} if place == "first" else set())


def test_a_seed_that_was_not_committed_to_is_named_with_the_commitment(archive: Path) -> None:
    found = lines(archive / MONTH)
    found[1]["seed"] = changed("seed", found[1]["seed"])
    write(archive / MONTH, found)

    (named,) = [each for each in defects(archive / MONTH) if each.check == "COMMITMENT"]

    assert str(named) == (
        f"COMMITMENT: {MONTH}/{SPINS}, line 2, spin {found[1]['id']}: "
        f"the seed is not the one committed to, {found[0]['next_commitment']}"
    )


@pytest.mark.parametrize("number", range(9))
def test_a_deleted_spin_is_named(archive: Path, number: int) -> None:
    found = lines(archive / MONTH)
    gone = found.pop(number)
    write(archive / MONTH, found)
    sign(archive / MONTH)

    named = defects(archive / MONTH)

    assert "MANIFEST" in checks(named)
    follows = [each for each in found if each["user_id"] == gone["user_id"] and each["nonce"] == gone["nonce"] + 1]
    assert [each.spin for each in named if each.check == "GAP"] == [each["id"] for each in follows]
    if not follows:
        assert [each for each in named if each.check == "PLAYER" and gone["user_id"] in each.what]


@pytest.mark.parametrize(
    "reorder",
    [
        lambda spins: [spins[1], spins[0], *spins[2:]],
        lambda spins: [*spins[:3], spins[4], spins[3], *spins[5:]],
        lambda spins: [*spins[1:4], spins[0], *spins[4:]],
        lambda spins: [spins[0], *spins],
        lambda spins: spins[::-1],
        lambda spins: [*spins[-1:], *spins[:-1]],
    ],
)
def test_spins_in_another_order_or_twice_are_named(archive: Path, reorder: Callable[[list[Line]], list[Line]]) -> None:
    found = lines(archive / MONTH)
    write(archive / MONTH, reorder(found))
    sign(archive / MONTH)

    named = defects(archive / MONTH)

    assert checks(named) & {"GAP", "ORDER", "PLAYER"}
    assert all(each.spin for each in named if each.check in {"GAP", "ORDER"})


def test_a_back_dated_spin_is_named_even_if_all_its_links_are_made_anew(archive: Path) -> None:
    found = lines(archive / MONTH)
    found[1]["at"] = "2026-11-29T01:00:00.000000+00:00"
    relink(archive / MONTH, found)
    sign(archive / MONTH)

    named = [each for each in defects(archive / MONTH) if each.file.endswith(SPINS)]

    assert [(each.check, each.spin) for each in named] == [("TIME", found[1]["id"])]


def test_a_spin_dated_more_than_a_day_from_its_id_is_named(archive: Path) -> None:
    found = lines(archive / MONTH)
    found[0]["at"] = "2026-11-27T07:00:00.000000+00:00"
    relink(archive / MONTH, found)

    assert [each.line for each in defects(archive / MONTH) if each.check == "TIME"] == [1]


def test_a_spin_of_another_month_is_named(archive: Path) -> None:
    write(archive / MONTH, lines(archive / LATER))
    write(archive / MONTH, lines(archive / LATER, PLAYERS), PLAYERS)

    assert len([each for each in defects(archive / MONTH) if each.check == "MONTH"]) == 9


def relink(folder: Path, found: list[Line]) -> None:
    """Make all links of a first month anew, as somebody who had the database could."""
    heads: dict[str, str] = {}
    for line in found:
        head = heads.get(line["user_id"]) or verify_archive.genesis(line["user_id"])
        record = {name: value for name, value in line.items() if name != "chain"}
        link = verify_archive.hashed(verify_archive.raw(head) + verify_archive.canonical(record))
        line["chain"] = heads[line["user_id"]] = link
    write(folder, found)
    players = lines(folder, PLAYERS)
    for player in players:
        player["after"]["chain"] = heads[player["user_id"]]
    write(folder, players, PLAYERS)


@pytest.mark.parametrize("field", ["nonce", "chain", "commitment", "staked", "paid"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("month", [MONTH, LATER])
def test_a_changed_head_of_a_player_is_named(archive: Path, month: str, when: str, field: str) -> None:
    players = lines(archive / month, PLAYERS)
    head = players[1][when]
    head[field] = head[field] + 1 if isinstance(head[field], int) else "\\x" + "0" * 64
    write(archive / month, players, PLAYERS)
    sign(archive / month)

    named = [each for each in defects(archive) if each.check == "PLAYER"]

    assert [(each.file, each.line) for each in named] == [(f"{month}/{PLAYERS}", 2)]
    assert f"{field} {when} of {players[1]['user_id']}" in named[0].what


def test_a_player_who_is_gone_is_named(archive: Path) -> None:
    found, players = lines(archive / MONTH), lines(archive / MONTH, PLAYERS)
    gone = players.pop(1)["user_id"]
    write(archive / MONTH, [each for each in found if each["user_id"] != gone])
    sign(archive / MONTH)
    assert [each.line for each in defects(archive / MONTH) if each.check == "PLAYER"] == [2]

    write(archive / MONTH, players, PLAYERS)
    sign(archive / MONTH)
    assert [each.check for each in defects(archive / MONTH)] == ["MANIFEST"] * 4
    assert "PLAYER" in checks(defects(archive)), "the month after begins where nothing ended"


def test_a_player_who_stands_twice_is_named(archive: Path) -> None:
    players = lines(archive / MONTH, PLAYERS)
    write(archive / MONTH, [*players, players[0]], PLAYERS)
    sign(archive / MONTH)

    (named,) = defects(archive / MONTH)

    assert (named.check, named.line) == ("PLAYER", 4)
    assert "twice" in named.what


# --- what is changed in files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [MANIFEST, "paytables.ndjson", PLAYERS, SPINS, LIST, SIGNATURE])
def test_a_changed_file_is_named(archive: Path, name: str) -> None:
    path = archive / MONTH / name
    data = bytearray(path.read_bytes())
    data[4] ^= 1  # in a gzip file: the time, which changes no line
    if name == MANIFEST:
        data = bytearray(path.read_bytes().replace(b'"made_at": "2026', b'"made_at": "2025'))
    path.write_bytes(data)

    named = defects(archive / MONTH)

    assert "SIGNATURE" in checks(named) if name in {LIST, SIGNATURE} else f"{MONTH}/{name}" in {x.file for x in named}


def test_a_missing_an_added_and_a_cut_file_are_named(archive: Path) -> None:
    folder = archive / MONTH
    (folder / "more.txt").write_text("more")
    (folder / PLAYERS).unlink()
    (folder / SPINS).write_bytes((folder / SPINS).read_bytes()[:1500])
    (folder / SIGNATURE).unlink()

    named = {(each.check, each.file.partition("/")[2]) for each in defects(folder)}

    assert named >= {("FILES", "more.txt"), ("FILES", PLAYERS), ("FILES", SPINS), ("SIGNATURE", SIGNATURE)}


def test_another_signer_is_named(archive: Path) -> None:
    stranger = Ed25519PrivateKey.generate()
    manifest = json.loads((archive / MONTH / MANIFEST).read_text())
    manifest["public_key"] = stranger.public_key().public_bytes_raw().hex()
    (archive / MONTH / MANIFEST).write_text(json.dumps(manifest))
    sign(archive / MONTH)
    (archive / MONTH / SIGNATURE).write_bytes(stranger.sign((archive / MONTH / LIST).read_bytes()))

    assert [str(each) for each in defects(archive / MONTH)] == [
        f"SIGNATURE: {MONTH}/{MANIFEST}: public key {manifest['public_key']} is none of those given"
    ]
    assert defects(archive / MONTH, KEY, bytes.fromhex(manifest["public_key"])) == []


def test_a_month_that_was_written_anew_does_not_fit_the_next(archive: Path) -> None:
    manifest = json.loads((archive / MONTH / MANIFEST).read_text())
    (archive / MONTH / MANIFEST).write_text(json.dumps(manifest))  # other white space, nothing else
    sign(archive / MONTH)

    assert [(each.check, each.file) for each in defects(archive)] == [("MONTHS", f"{LATER}/{MANIFEST}")]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"no JSON\n", "cannot be read"),
        (b'{"client_seed":"\\ud800"}\n', "members"),
        (b"[" * 100_000 + b"\n", "cannot be read"),
        (b'{"id":1}\n', "members"),
        (b"null\n", "members"),
    ],
)
def test_a_line_that_is_no_spin_is_named(archive: Path, text: bytes, wrong: str) -> None:
    whole = gzip.decompress((archive / MONTH / SPINS).read_bytes())
    (archive / MONTH / SPINS).write_bytes(gzip.compress(whole + text))

    (named,) = [each for each in defects(archive / MONTH) if each.check == "FORM"]

    assert named.line == 10
    assert wrong in named.what


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("nonce", value) for value in (-1, 1.0, True, "1", None, 2**63)],
        *[("at", value) for value in ("2026-11-29", "2026-99-29T07:55:43.021067+00:00", 5, None)],
        *[("seed", value) for value in ("00" * 32, "\\x00", "\\x" + "zz" * 32, None)],
        *[("symbols", value) for value in ("abc", ["a", "b"], ["a", "b", 1])],
        *[("client_seed", value) for value in ("x" * 65, None)],
        ("client_nonce_drawn", 1),
        ("id", "nobody"),
        ("more", 1),
    ],
)
def test_a_field_without_its_form_is_named(archive: Path, field: str, value: Any) -> None:
    found = lines(archive / MONTH)
    found[0][field] = value
    write(archive / MONTH, found)

    named = [each for each in defects(archive / MONTH) if each.check == "FORM"]

    assert [each.line for each in named] == [1]
    assert field in named[0].what or field == "more"


def test_a_line_written_in_another_way_is_named(archive: Path) -> None:
    first, rest = gzip.decompress((archive / MONTH / SPINS).read_bytes()).split(b"\n", 1)
    twice = first.replace(b'{"at"', b'{"bet":5,"at"')  # a member twice: the last one counts
    (archive / MONTH / SPINS).write_bytes(gzip.compress(twice + b"\n" + rest))

    assert "not canonical" in next(each.what for each in defects(archive / MONTH) if each.check == "FORM")


@pytest.mark.parametrize(
    ("member", "value"), [("format", "slots/archive/v2"), ("month", "2026-13"), ("parts", -1), ("public_key", "ab")]
)
def test_a_manifest_without_its_form_ends_it(archive: Path, member: str, value: Any) -> None:
    manifest = json.loads((archive / MONTH / MANIFEST).read_text()) | {member: value}
    (archive / MONTH / MANIFEST).write_text(json.dumps(manifest))

    with pytest.raises(NotAnArchive, match=r"manifest\.json"):
        defects(archive / MONTH)


def test_a_changed_paytable_is_named(archive: Path) -> None:
    path = archive / MONTH / "paytables.ndjson"
    path.write_text(path.read_text().replace('\\"pay\\":', '\\"pay\\":1'))
    sign(archive / MONTH)

    found = defects(archive / MONTH)

    assert "PAYTABLE" in checks(found)
    assert len([each for each in found if each.check == "DRAW"]) == 9


def test_times_may_run_back_where_a_demos_clock_was_moved(archive: Path) -> None:
    found = lines(archive / MONTH)
    found[1]["at"] = "2026-11-29T01:00:00.000000+00:00"
    relink(archive / MONTH, found)
    manifest = json.loads((archive / MONTH / MANIFEST).read_text()) | {"clock_moves": [{"at": "then"}]}
    (archive / MONTH / MANIFEST).write_text(json.dumps(manifest))
    sign(archive / MONTH)

    assert defects(archive / MONTH) == []


def test_what_it_prints_names_each_defect(
    archive: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (archive / MONTH / SIGNATURE).unlink()
    for folder, key, status in ((archive, [], 1), (SAMPLE, ["--key", KEY.hex()], 0), (archive / "none", [], 2)):
        monkeypatch.setattr(sys, "argv", ["verify_archive.py", str(folder), *key])
        assert verify_archive.main() == status

    told = capsys.readouterr()
    assert f"SIGNATURE: {MONTH}/{SIGNATURE}: there is no signature\n" in told.out
    assert "18 spins of 3 players, 1 defects\n" in told.out
    assert "note: 2026-11: signer " in told.out
    assert "no archive of a month" in told.err
