"""What is wrong with an archive is found by a round, marked for staff once, and in the metrics until it is mended."""

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import Role
from compliance import services as compliance
from compliance.models import Marker
from slots import services
from slots.models import Archive, Spin
from slots.services import archive_watch
from slots.tests.factories import play, player
from slots.tests.months import next_month  # noqa: F401  a fixture
from slots.tests.test_verifying import tamper
from tests.world import person
from xxxchat.pages.tests.visiting import html, visitor

pytestmark = pytest.mark.django_db(transaction=True)
Go = Callable[[], date]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.ARCHIVE_FOLDER = str(tmp_path / "archives")
    return tmp_path / "archives"


def scraped() -> dict[str, float]:
    families = text_string_to_metric_families(Client().get("/metrics").content.decode())
    found = {sample.name: sample.value for family in families for sample in family.samples}
    return {name: found[f"xxxchat_archives_{name}"] for name in ("defective", "late")}


def archived(go: Go) -> date:
    play(user=player())
    go()
    (month,) = services.archive_spins()
    return month.month


def test_sound_archives_are_looked_at_and_one_is_replayed(next_month: Go) -> None:  # noqa: F811
    month = archived(next_month)
    before = Archive.objects.get(month=month).replayed_at
    assert before is not None

    assert services.watch_archives() == 0

    after = Archive.objects.get(month=month)
    assert after.replayed_at is not None
    assert after.replayed_at > before
    assert after.checked_at is not None
    assert after.checked_at > before
    assert not Marker.objects.exists()
    assert scraped() == {"defective": 0, "late": 0}


def gone(folder: Path) -> None:
    shutil.rmtree(folder)


def signed_by_nobody(folder: Path) -> None:
    (folder / "SHA256SUMS.sig").write_bytes(bytes(64))


def another_list(folder: Path) -> None:
    with (folder / "SHA256SUMS").open("a") as file:
        file.write("\n")


@pytest.mark.parametrize("harm", [gone, signed_by_nobody, another_list])
def test_a_folder_that_is_gone_or_changed_is_marked_until_it_is_mended(
    folder: Path,
    next_month: Go,  # noqa: F811
    harm: Callable[[Path], None],
) -> None:
    month = archived(next_month)
    name = f"{month:%Y-%m}"
    shutil.copytree(folder / name, folder.parent / "second copy")
    harm(folder / name)

    assert services.watch_archives() == 1
    assert services.watch_archives() == 1

    marker = Marker.objects.get()
    assert (marker.kind, marker.subject, marker.count) == ("archive_defect", name, 1)
    assert marker.facts["first"].startswith(f"ROW: {name}")
    assert scraped() == {"defective": 1, "late": 0}

    shutil.rmtree(folder / name, ignore_errors=True)
    shutil.copytree(folder.parent / "second copy", folder / name)
    assert services.watch_archives() == 0
    assert scraped() == {"defective": 0, "late": 0}


def test_a_list_and_row_that_agree_need_the_signature_of_the_recorded_key(next_month: Go, folder: Path) -> None:  # noqa: F811
    month = archived(next_month)
    (folder / f"{month:%Y-%m}" / "SHA256SUMS.sig").write_bytes(bytes(64))
    Archive.objects.update(signature=bytes(64))

    assert services.watch_archives() == 1

    assert Marker.objects.get().facts["first"].startswith("SIGNATURE: ")


@pytest.mark.tampers
def test_spins_that_were_changed_before_they_were_archived_are_marked(next_month: Go) -> None:  # noqa: F811
    play(user=player())
    tamper("UPDATE slots_spin SET ticket = CASE ticket WHEN 1 THEN 2 ELSE 1 END WHERE nonce = %s", 0)
    next_month()

    (month,) = services.archive_spins()

    marker = Marker.objects.get()
    assert len(month.defects) == marker.facts["defects"] >= 1
    assert Archive.objects.get().checked_at is None
    assert scraped() == {"defective": 1, "late": 0}


def test_a_month_that_nobody_archives_is_late_after_two_days(
    next_month: Go,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play(user=player())
    next_month()
    assert services.watch_archives() == 0, "its second day"

    monkeypatch.setattr(archive_watch, "GRACE", timedelta(hours=20))

    assert services.watch_archives() == 1
    assert Marker.objects.get().facts["first"].endswith("is over and not archived")
    assert scraped() == {"defective": 0, "late": 1}
    services.archive_spins()
    assert services.watch_archives() == 0


def test_the_month_that_was_replayed_longest_ago_is_next(next_month: Go) -> None:  # noqa: F811
    months = [archived(next_month) for _ in range(2)]

    for place in (0, 1, 0):
        services.watch_archives()
        newest = Archive.objects.order_by("replayed_at").last()
        assert newest is not None
        assert newest.month == months[place]


def test_staff_see_what_is_wrong_and_what_they_can_do(folder: Path, next_month: Go) -> None:  # noqa: F811
    month = archived(next_month)
    gone(folder / f"{month:%Y-%m}")
    services.watch_archives()
    games = visitor(person(role=Role.GAMES))
    marker = Marker.objects.get()

    listed = html(games.get("/admin/compliance/marker/"))
    shown = html(games.get(f"/admin/compliance/marker/{marker.pk}/change/"))

    assert "An archive of spins has defects." in listed
    assert f"1 defects of {month:%Y-%m}, the first: ROW: {month:%Y-%m}: it cannot be read" in listed
    assert "manage.py read_archive --check" in shown
    assert compliance.markers_waiting(Role.GAMES) == 1
    assert compliance.markers_waiting(Role.SUPPORT) == 0
    assert Spin.objects.count() == 1
