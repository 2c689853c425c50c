"""Archives: months that are over are written once, whole, signed, and can be read again; exports have the same form."""

import fcntl
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from core.db import rows
from core.ids import new_id
from slots import services
from slots.errors import ArchiveRefused
from slots.models import Archive, Spin
from slots.services import archives, archiving
from slots.services.archiving import month_after, month_of
from slots.standalone import verify_archive
from slots.tasks import archive_spins
from slots.tests.factories import play, player, state_of
from slots.tests.months import next_month  # noqa: F401  a fixture
from slots.tests.test_verifying import tamper

pytestmark = pytest.mark.django_db(transaction=True)
Go = Callable[[], date]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """The folder of archives."""
    settings.ARCHIVE_FOLDER = str(tmp_path / "archives")
    return tmp_path / "archives"


def verified(place: Path, *arguments: str) -> str:
    """Run the stand-alone verifier, as a stranger would; return what it says of an archive without defects."""
    run = [sys.executable, "-I", "-S", verify_archive.__file__, str(place), *arguments]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def said_by(*command: str) -> str:
    output = StringIO()
    call_command(*command, stdout=output)
    return output.getvalue()


# --- exports ----------------------------------------------------------------------------------------------------


def test_an_export_is_replayed_by_the_standalone_verifier(tmp_path: Path) -> None:
    users = [player() for _ in range(3)]
    for given in ("", "mine", None, 'é "\\', None):
        for user in users:
            play(user=user, client_seed=given)

    said = said_by("export_spins", str(tmp_path / "export"))

    assert f"signed by {services.public_key()}" in said
    assert verified(tmp_path / "export", "--key", services.public_key()) == "15 spins of 3 players, 0 defects\n"


def test_an_export_has_no_seed_to_come_and_no_origin(tmp_path: Path) -> None:
    user = player()
    play(user=user)
    state = state_of(user)

    services.export_spins(tmp_path / "export")

    month = tmp_path / "export" / f"{month_of(new_id()):%Y-%m}"
    text = "".join(json.dumps(line) for part in archiving.parts_of(month) for line in archiving.lines_of(part))
    text += (month / "manifest.json").read_text()
    assert bytes(state.commitment).hex() in text
    assert bytes(state.sealed_seed).hex() not in text
    assert not {"sealed", "address", "agent"} & set(text.replace('"', "_").split("_"))
    assert json.loads((month / "manifest.json").read_text())["complete"] is False


def test_one_players_export_is_theirs_alone(tmp_path: Path, next_month: Go) -> None:  # noqa: F811
    user, other = player(), player()
    play(user=other)
    next_month()
    for each in (user, other, user):
        play(user=each)

    said_by("export_spins", str(tmp_path / "export"), "--user", str(user.pk))

    assert verified(tmp_path / "export", "--key", services.public_key()) == "2 spins of 1 players, 0 defects\n"


def test_an_export_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(CommandError, match="is not empty"):
        said_by("export_spins", str(tmp_path))


# --- archives ---------------------------------------------------------------------------------------------------


def test_months_that_are_over_are_archived_once(folder: Path, next_month: Go) -> None:  # noqa: F811
    users = [player(), player()]
    first = month_of(new_id())
    for user in users:
        play(user=user)
        play(user=user)
    assert archive_spins() == 0

    second = next_month()
    play(user=users[0])
    assert archive_spins() == 1
    assert archive_spins() == 0
    next_month()
    play(user=users[1])

    assert said_by("archive_spins") == f"{second:%Y-%m}: 1 spins archived\n"
    assert said_by("archive_spins").startswith("Nothing was archived")
    assert list(Archive.objects.order_by("month").values_list("month", "spins", "folder")) == [
        (first, 4, f"{first:%Y-%m}"),
        (second, 1, f"{second:%Y-%m}"),
    ]
    assert not Archive.objects.filter(checked_at=None).exists()
    assert verified(folder, "--key", services.public_key()) == "5 spins of 2 players, 0 defects\n"
    assert services.check_archives() == []


def test_an_archive_says_what_it_holds(folder: Path, next_month: Go) -> None:  # noqa: F811
    user = player()
    spins = [play(user=user).spin for _ in range(3)]
    month = next_month()

    (archived,) = services.archive_spins()

    row = Archive.objects.get()
    assert (archived.spins, archived.defects) == (3, [])
    assert (row.first_id, row.last_id) == (spins[0].id, spins[-1].id)
    assert row.key_id == services.public_key() == said_by("archive_spins", "--public-key").strip()
    assert bytes(row.signature) == (folder / row.folder / "SHA256SUMS.sig").read_bytes()
    assert month_after(row.month) == month
    assert (
        subprocess.run(
            ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder / row.folder, check=False
        ).returncode
        == 0
    )


def test_a_month_without_spins_is_archived_too(folder: Path, next_month: Go) -> None:  # noqa: F811
    play(user=player())
    next_month()
    next_month()

    assert [each.spins for each in services.archive_spins()] == [1, 0]
    assert services.check_archives() == []


def test_a_month_is_archived_when_its_last_hour_is_an_hour_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    play(user=player())
    month = month_of(new_id())
    for minutes, due in ((0, []), (59, []), (60, [month])):
        at = archiving.id_bounds(month)[1].int + (minutes * 60_000 << 80)
        monkeypatch.setattr(archives, "new_id", lambda at=at: type(new_id())(int=at))
        assert archives.months_due() == due


def test_the_month_named_is_the_last_and_must_be_due(next_month: Go) -> None:  # noqa: F811
    play(user=player())
    first = month_of(new_id())
    next_month()
    running = next_month()

    with pytest.raises(CommandError, match="is not over"):
        said_by("archive_spins", "--month", f"{running:%Y-%m}")
    assert said_by("archive_spins", "--month", f"{first:%Y-%m}") == f"{first:%Y-%m}: 1 spins archived\n"
    with pytest.raises(CommandError, match="archived already"):
        said_by("archive_spins", "--month", f"{first:%Y-%m}")
    with pytest.raises(CommandError, match="no month such as"):
        said_by("archive_spins", "--month", "2026-13")


class Killed(BaseException):
    """As a signal would end it."""


def test_an_interrupted_archive_goes_on_where_it_stopped(
    folder: Path,
    tmp_path: Path,
    next_month: Go,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for user in [player() for _ in range(3)]:
        for _ in range(3):
            play(user=user)
    next_month()
    monkeypatch.setattr(archiving, "PAGE_ROWS", 2)
    monkeypatch.setattr(archiving, "PART_PAGES", 1)
    services.export_spins(tmp_path / "whole")
    pages, asked = archiving._pages, list[Any]()

    def killed(*given: Any) -> Any:
        asked.append(given[-1])
        for place, page in enumerate(pages(*given)):
            if place == 3:
                raise Killed
            yield page

    monkeypatch.setattr(archiving, "_pages", killed)
    with pytest.raises(Killed):
        services.archive_spins()
    assert not Archive.objects.exists()
    assert [path.name for path in folder.iterdir() if not path.name.startswith(".")] == []

    def noted(*given: Any) -> Any:
        asked.append(given[-1])
        return pages(*given)

    monkeypatch.setattr(archiving, "_pages", noted)
    (archived,) = services.archive_spins()

    assert (archived.spins, archived.defects) == (9, [])
    assert asked[1][1] >= 0, "it began anew"
    (whole,), (made,) = ([*place.glob("????-??")] for place in (tmp_path / "whole", folder))
    same = ["paytables.ndjson", "players.ndjson.gz", *(path.name for path in archiving.parts_of(whole))]
    assert len(same) == 7
    for name in same:
        assert (whole / name).read_bytes() == (made / name).read_bytes()


def test_an_archive_that_was_written_but_not_recorded_is_recorded(
    next_month: Go,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play(user=player())
    next_month()
    read = archiving.read_written
    monkeypatch.setattr(archiving, "read_written", lambda folder: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        services.archive_spins()
    assert not Archive.objects.exists()

    monkeypatch.setattr(archiving, "read_written", read)

    assert [each.spins for each in services.archive_spins()] == [1]
    assert services.check_archives() == []


def test_a_month_that_somebody_else_put_there_is_not_recorded(
    folder: Path,
    next_month: Go,  # noqa: F811
    settings: Any,
) -> None:
    play(user=player())
    next_month()
    ours, settings.ARCHIVE_SIGNING_KEY = settings.ARCHIVE_SIGNING_KEY, b"stranger" * 4
    services.export_spins(folder)
    settings.ARCHIVE_SIGNING_KEY = ours

    with pytest.raises(CommandError, match="not recorded and not ours: SIGNATURE"):
        said_by("archive_spins")

    assert not Archive.objects.exists()


def test_one_process_archives_at_a_time(folder: Path, next_month: Go) -> None:  # noqa: F811
    play(user=player())
    next_month()
    folder.mkdir()
    with (folder / archives.LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert services.archive_spins() == []

    assert len(services.archive_spins()) == 1


@pytest.mark.tampers
def test_spins_that_are_not_as_they_were_played_are_archived_and_reported(next_month: Go) -> None:  # noqa: F811
    user = player()
    for _ in range(3):
        play(user=user)
    next_month()
    tamper("UPDATE slots_spin SET ticket = ticket + 1 WHERE user_id = %s AND nonce = 1", user.pk)

    with pytest.raises(CommandError, match=r"DRAW: .*the draw gives"):
        said_by("archive_spins")

    assert Archive.objects.get().checked_at is None


def test_another_signing_key_leaves_old_archives_valid(folder: Path, next_month: Go, settings: Any) -> None:  # noqa: F811
    user, keys = player(), []
    for signing in (b"1" * 32, b"2" * 32):
        settings.ARCHIVE_SIGNING_KEY = signing
        keys.append(services.public_key())
        play(user=user)
        next_month()
        services.archive_spins()

    assert services.check_archives() == []
    assert verified(folder, "--key", keys[0], "--key", keys[1]) == "2 spins of 1 players, 0 defects\n"
    assert {each.check for each in verify_archive.replay(folder, [bytes.fromhex(keys[1])]).defects} == {"SIGNATURE"}


# --- reading ----------------------------------------------------------------------------------------------------


@pytest.fixture
def archived(next_month: Go) -> list[Spin]:  # noqa: F811
    """Archived spins."""
    user = player()
    for given in ("", 'tab\tless, "quoted" é \\', None):
        play(user=user, client_seed=given.replace("\t", " ") if given else given)
    next_month()
    services.archive_spins()
    return list(Spin.objects.order_by("nonce"))


def test_a_spin_is_read_from_its_archive(archived: list[Spin]) -> None:
    found = json.loads(said_by("read_archive", "--spin", str(archived[1].id)))

    assert found == archiving._line(archived[1])
    for absent in (new_id(), archived[1].user_id):
        with pytest.raises(CommandError, match="No archive has this spin"):
            said_by("read_archive", "--spin", str(absent))


def test_archives_are_checked_against_their_rows_and_a_changed_one_is_named(archived: list[Spin], folder: Path) -> None:
    row = Archive.objects.get()
    month = f"{row.month:%Y-%m}"
    assert said_by("read_archive", "--check", "--month", month) == said_by("read_archive", "--check") == "0 defects\n"
    Archive.objects.update(checked_at=None)
    Archive.objects.update(spins=2)
    with pytest.raises(CommandError, match=f"ROW: {month}: the files are not those"):
        said_by("read_archive", "--check")

    Archive.objects.update(spins=3)
    path = folder / month / "paytables.ndjson"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(CommandError, match=r"FILES: .*paytables"):
        said_by("read_archive", "--check", "--month", month)
    assert Archive.objects.get().checked_at is None

    (folder / month).rename(folder / "elsewhere")
    with pytest.raises(CommandError, match="cannot be read"):
        said_by("read_archive", "--check")
    with pytest.raises(CommandError, match="1999-01 is not archived"):
        said_by("read_archive", "--check", "--month", "1999-01")


def test_a_month_is_restored_for_reading(archived: list[Spin], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "PAGE_ROWS", 2)
    month = f"{Archive.objects.get().month:%Y-%m}"
    try:
        for _ in range(2):  # the second time the table is there
            table = said_by("read_archive", "--restore", "--month", month).strip()
            assert table == f"archived.slots_spin_{month.replace('-', '')}"
            restored, stored = (rows(f"SELECT * FROM {each} ORDER BY nonce") for each in (table, "slots_spin"))  # noqa: S608
            assert restored == stored
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA archived CASCADE")


def test_only_what_is_archived_and_whole_is_restored(archived: list[Spin], folder: Path) -> None:
    month = Archive.objects.get().month
    with pytest.raises(CommandError, match="--restore needs --month"):
        said_by("read_archive", "--restore")
    with pytest.raises(ArchiveRefused, match="is not archived"):
        services.restore_spins(month_after(month))
    (folder / f"{month:%Y-%m}" / "SHA256SUMS.sig").unlink()
    with pytest.raises(ArchiveRefused, match="there is no signature"):
        services.restore_spins(month)
