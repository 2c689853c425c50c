"""The statistics in the back office: what is drawn and written, for whom, for which days; as CSV."""

import csv
import io
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from core.clock import db_now
from core.ids import new_id
from slots import services
from slots.admin.charts import Plot, compact, counted
from slots.models import Spin
from slots.services.paytables import active_paytable
from slots.tests.factories import approved_paytable, play, player, post_spin, winning
from slots.tests.spun import NOON, spun
from tests.backoffice import signed_in, text_of
from tests.world import client_of, performer, staff

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/admin/slots/spin/statistics/"
DAYS = "?from=2026-03-10&to=2026-03-12"


def opened(query: str = "", *, role: str = Role.GAMES) -> Any:
    return signed_in(staff(role)).get(f"{PAGE}{query}")


def played() -> None:
    """Spins on three days by two players, from the second day on with another paytable."""
    for user in (new_id(), new_id()):
        for nonce, table in enumerate((active_paytable(), approved_paytable(), approved_paytable())):
            spun(user, nonce, NOON + timedelta(days=nonce), paytable=table, symbols=("cherry", "cherry", "plum"))


def test_a_spin_is_drawn_at_once() -> None:
    play(user=player())
    today = db_now().astimezone(UTC).date()

    page = opened()

    shown = text_of(page)
    assert page.status_code == 200
    assert (page.context["stats"].first, page.context["stats"].last) == (today - timedelta(days=29), today)
    for words in (
        "Spins 1 1 today",
        "Actual return against 95 % Shown, not judged",
        "Hits per kind against expectation",
        "Spins a day 1 today so far",
        "Spins per player and day 1 players today",
        "Points in circulation",
        "No refusals in these days",
        f"{today} classic-95 v1 1",
    ):
        assert words in shown


def test_a_change_of_table_starts_a_new_line() -> None:
    played()

    chart = opened(DAYS).context["charts"][0]

    assert [path.look for path in chart.paths].count("actual") == len({row[1] for row in chart.rows}) == 5
    assert [row[2] for row in chart.rows] == [2, 1, 1, 1, 1]
    assert len(chart.dots) == 5


def test_figures_and_kinds_are_those_of_the_service() -> None:
    played()
    stats = services.stats(first=NOON.date(), last=NOON.date() + timedelta(days=2))

    page = opened(DAYS)

    assert page.context["figures"][0].value == f"{stats.spins:,}" == "6"
    assert {row.title: row.hits for row in page.context["kinds"]}["Two cherries"] == 6
    assert page.context["kinds_inside"] < len(page.context["kinds"])
    assert "outside" in text_of(page)
    assert [row[1] for row in page.context["charts"][1].rows] == [2, 2, 2]


def test_refusals_are_counted_by_gate_and_policy() -> None:
    user = player(points=100)
    for _ in range(3):
        post_spin(client_of(user), betAmount=7)

    page = opened()

    assert [(row.title, row.refusals) for row in page.context["gates"]] == [("Bet", 3)]
    assert sum(row.refusals for row in page.context["policies"]) == 3
    assert page.context["refusals"] == 3


def test_days_without_play_keep_their_axes() -> None:
    page = opened("?from=2026-01-01&to=2026-01-31")

    assert page.status_code == 200
    assert "No spins in these days." in text_of(page)
    assert all(chart.grid and chart.texts for chart in page.context["charts"])


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?from=2026-02-30", "Enter a valid date."),
        ("?from=2026-01-02&to=2026-01-01", "The first day is after the last."),
        ("?from=2025-01-01&to=2026-01-02", "At most 366 days can be shown."),
        ("?from=0001-01-01&to=0001-01-02", "Slot machine statistics"),
        ("?from=9999-12-30&to=9999-12-31", "Slot machine statistics"),
        ("?from=&to=", "Slot machine statistics"),
    ],
)
def test_days_that_are_none_are_said(query: str, words: str) -> None:
    page = opened(query)

    assert page.status_code == 200
    assert words in text_of(page)


def test_partial_figures_say_so_and_a_spreadsheet_of_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    played()
    assert "These figures are partial." not in text_of(opened(DAYS))
    monkeypatch.setattr("slots.services.figures.MOST_SINCE", 2)

    assert "These figures are partial." in text_of(opened(DAYS))
    assert 'filename="slots-days-partial-' in opened(f"{DAYS}&csv=days")["Content-Disposition"]


@pytest.mark.parametrize("name", ["return", "days", "players", "circulation", "kinds", "refusals", "nothing"])
def test_each_table_is_a_spreadsheet(name: str) -> None:
    played()

    answer = opened(f"{DAYS}&csv={name}")

    lines = list(csv.reader(io.StringIO(answer.content.decode())))
    known = "days" if name == "nothing" else name
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="slots-{known}-2026-03-10-2026-03-12.csv"'
    assert len({len(line) for line in lines}) == 1
    assert not [cell for line in lines[1:] for cell in line if cell[:1] in {"=", "+", "-", "@"}]
    if known == "days":
        assert lines[1] == ["2026-03-10", "2", "2", "200", "300"]


@pytest.mark.parametrize("role", sorted({*Role.values}))
def test_games_staff_open_it_and_export_auditors_only_open_it(role: str) -> None:
    user = performer() if role == Role.PERFORMER else staff(role)
    client = signed_in(user)

    page, sheet = client.get(PAGE), client.get(f"{PAGE}?csv=days")

    readers, exporters = {Role.GAMES, Role.ADMIN, Role.AUDITOR}, {Role.GAMES, Role.ADMIN}
    assert (page.status_code == 200) == (role in readers)
    assert (sheet.status_code == 200) == (role in exporters)
    if role in readers:
        assert (b"csv=days" in page.content) == (role in exporters)
        links = [item for group in page.context["sidebar_navigation"] for item in group["items"] if item.get("active")]
        assert [item["title"] for item in links] == ["Statistics"]


def test_statements_do_not_grow_with_play() -> None:
    client, lucky = signed_in(staff(Role.GAMES)), player()
    play(user=lucky, client_nonce=winning(lucky))

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(PAGE).status_code == 200
        return len(asked)

    statements()
    before = statements()
    for _ in range(4):
        user = player()
        play(user=user)
        play(user=user)
    assert Spin.objects.count() == 9
    assert statements() == before


@pytest.mark.parametrize(("most", "top"), [(0, 4), (1, 1), (7, 8), (99, 100), (1_234, 1_500), (6_371, 8_000)])
def test_axes_end_at_a_round_value(most: int, top: int) -> None:
    plot = counted([NOON.date()], [most])

    assert plot.high >= most
    assert plot.high <= max(top, 1)


def test_values_are_placed_between_the_edges() -> None:
    plot = Plot([NOON.date()], 90, 100)

    assert plot.y(100) < plot.y(95) < plot.y(90)
    assert [each.text for each in plot.grid(" %")] == ["90 %", "92.5 %", "95 %", "97.5 %", "100 %"]
    assert [compact(value) for value in (0, 2.5, 8_000, 1_500_000)] == ["0", "2.5", "8k", "1.5M"]
