"""Markers: counted up, never twice, closed once with a reason by who may; raised limits; their pages."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connection

from accounts.models import STAFF_ROLES, Role, User
from compliance import services
from compliance.admin.markers import ADVICE, TITLES, WORDS, words_of
from compliance.errors import MarkerClosed
from compliance.models import Marker
from compliance.services import MarkerKind
from compliance.services.markers import CLOSERS, close_marker
from core.errors import Forbidden, NotFound, ValidationFailed
from core.ids import new_id
from tests.backoffice import signed_in, text_of
from tests.racing import race
from tests.world import person, staff

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/compliance/marker/"
FACTS: dict[str, dict[str, Any]] = {
    "rapid_play": {"spins": 50, "seconds": 130.5},
    "improbable_luck": {
        "paytable": "classic-95 v1", "pay": 250_000, "tickets": 1, "of": 8_000_000, "spins": 1_000,
        "hits": 2, "least": 2,
    },
    "limit_raised": {"times": 2, "currency": "POINT", "window": "24h", "old": 100, "new": None},
    "long_day": {"day": "2026-11-29", "hours": 3, "spins": 300, "staked": 30_000},
    "stake_after_check": {"points": 100, "seconds": 4.2},
    "rtp_drift": {
        "paytable": "classic-95 v1", "paid": 80_000, "staked": 20_000, "spins": 200, "z": "+9.10", "verdict": "disable",
        "rtp": "19/20",
    },
    "archive_defect": {"month": "2026-10", "defects": 2, "first": "ROW: 2026-10: it cannot be read"},
    "figures_differ": {"check": str(new_id()), "differences": 1, "first": "DAY 2026-10-31: counted 1 spins"},
}  # fmt: skip


OF_THE_MACHINE = {"rtp_drift", "archive_defect", "figures_differ"}


def marked(kind: str = "rapid_play", user: User | None = None, seen: str = "a") -> Marker:
    about = user or (None if kind in OF_THE_MACHINE else person())
    services.mark(kind=kind, user_id=about.pk if about else None, seen=seen, **FACTS[kind])
    return Marker.objects.get(kind=kind, user=about, state="open")


def test_seen_again_it_counts_up_and_the_same_sighting_counts_once() -> None:
    user = person()
    for seen in ("a", "a", "b", "b"):
        marker = marked(user=user, seen=seen)

    assert (Marker.objects.count(), marker.count, marker.facts["seen"]) == (1, 2, "b")
    assert marker.last_at > marker.first_at


def test_a_closed_marker_stays_and_the_next_sighting_opens_another() -> None:
    marker, actor = marked(seen="a"), staff(Role.SUPPORT)
    close_marker(marker_id=marker.pk, reason="Spoke to them", actor=actor)

    services.mark(kind="rapid_play", user_id=marker.user_id, seen="a", **FACTS["rapid_play"])
    assert Marker.objects.filter(state="open").count() == 0
    services.mark(kind="rapid_play", user_id=marker.user_id, seen="b", **FACTS["rapid_play"])

    assert list(Marker.objects.order_by("id").values_list("state", "count")) == [("closed", 1), ("open", 1)]


def test_closing_needs_a_reason_an_open_marker_and_the_role() -> None:
    marker = marked("long_day")

    with pytest.raises(ValidationFailed):
        close_marker(marker_id=marker.pk, reason=" ", actor=staff(Role.SUPPORT))
    with pytest.raises(Forbidden):
        close_marker(marker_id=marker.pk, reason="Done", actor=staff(Role.GAMES))
    with pytest.raises(NotFound):
        close_marker(marker_id=new_id(), reason="Done", actor=staff(Role.SUPPORT))
    close_marker(marker_id=marker.pk, reason="Done", actor=staff(Role.SUPPORT))
    with pytest.raises(MarkerClosed):
        close_marker(marker_id=marker.pk, reason="Again", actor=staff(Role.ADMIN))


@pytest.mark.parametrize("kind", sorted(CLOSERS))
def test_each_kind_is_closed_by_its_roles_alone(kind: str) -> None:
    able = set()
    for role in STAFF_ROLES:
        marker = marked(kind, seen=role)
        try:
            close_marker(marker_id=marker.pk, reason="Seen", actor=staff(role))
        except Forbidden:
            continue
        able.add(role)

    assert able == CLOSERS[kind]
    assert able >= {Role.ADMIN}
    assert not able & {Role.AUDITOR, Role.FINANCE}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE compliance_marker SET reason = 'Other'",
        "UPDATE compliance_marker SET state = 'open', closed_by_id = NULL, closed_at = NULL, reason = ''",
        "DELETE FROM compliance_marker",
        "TRUNCATE compliance_marker",
    ],
)
def test_a_closed_marker_is_never_changed_and_none_is_removed(change: str) -> None:
    close_marker(marker_id=marked().pk, reason="Done", actor=staff(Role.SUPPORT))

    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(change)


def test_what_an_open_marker_is_about_does_not_change() -> None:
    marked()

    with pytest.raises(IntegrityError, match="never change"), connection.cursor() as cursor:
        cursor.execute("UPDATE compliance_marker SET user_id = NULL")


def test_two_sightings_at_once_are_one_marker() -> None:
    user = person()
    outcomes = race(*[
        lambda seen=seen: services.mark(kind="rapid_play", user_id=user.pk, seen=seen) for seen in "abcd"
    ])  # fmt: skip

    assert outcomes == [None] * 4
    assert Marker.objects.get().count == 4


# --- limits raised ------------------------------------------------------------------------------------------
def raised(user: User, clock: Any, amount: int, *, window: str = "24h") -> None:
    """Ask for a higher limit and confirm it after 24 hours."""
    services.set_limit(user=user, currency="POINT", window=window, amount=amount)
    clock.shift(hours=24)
    services.confirm_limit(user=user, currency="POINT", window=window)


def test_a_limit_raised_twice_in_seven_days_is_marked(clock: Any) -> None:
    user = person()
    services.set_limit(user=user, currency="POINT", window="24h", amount=100)
    raised(user, clock, 200)
    assert not Marker.objects.exists()
    raised(user, clock, 300)

    marker = Marker.objects.get()
    assert (marker.kind, marker.user_id, marker.count) == ("limit_raised", user.pk, 1)
    assert words_of(marker) == "Limits raised 2 times in 7 days, at last POINT of 24h from 200 to 300."
    raised(user, clock, 400)
    marker.refresh_from_db()
    assert (marker.count, marker.facts["times"]) == (2, 3)


@pytest.mark.parametrize(("later", "markers"), [(timedelta(days=6), 0), (timedelta(days=6, seconds=-60), 1)])
def test_the_second_raise_counts_until_seven_days_after_the_first(clock: Any, later: timedelta, markers: int) -> None:
    user = person()
    services.set_limit(user=user, currency="POINT", window="24h", amount=100)
    raised(user, clock, 200)
    clock.shift(seconds=later.total_seconds())
    raised(user, clock, 300)  # a day later: 7 days after the first

    assert Marker.objects.count() == markers


def test_asking_lowering_and_dropping_are_no_raise(clock: Any) -> None:
    user = person()
    services.set_limit(user=user, currency="POINT", window="24h", amount=500)
    raised(user, clock, 600)
    services.set_limit(user=user, currency="POINT", window="24h", amount=900)
    services.set_limit(user=user, currency="POINT", window="24h", amount=400)
    services.set_limit(user=user, currency="POINT", window="7d", amount=1_000)

    assert not Marker.objects.exists()


# --- the back office ----------------------------------------------------------------------------------------
def test_every_kind_has_words_and_advice() -> None:
    assert set(TITLES) == set(WORDS) == set(ADVICE) == set(CLOSERS) == set(MarkerKind)
    for kind in MarkerKind:
        sentence = words_of(Marker(kind=kind, facts=FACTS[kind]))
        assert sentence.endswith(".")
        assert "{" not in sentence


def test_the_list_has_open_ones_first_in_words_and_says_when_there_is_nothing() -> None:
    client = signed_in(staff(Role.SUPPORT))
    assert "Nothing to look at." in text_of(client.get(LIST))
    old = marked("long_day", seen="1")
    marked("rapid_play")
    close_marker(marker_id=old.pk, reason="Done", actor=staff(Role.SUPPORT))
    marked("rtp_drift")
    alice = person()
    marked("stake_after_check", alice)

    page = client.get(LIST)

    assert [each.state for each in page.context["cl"].result_list] == ["open"] * 3 + ["closed"]
    shown = text_of(page)
    assert "3 to look at." in shown
    assert "The return closed the slot machine. classic-95 v1 paid 80,000 of 20,000 points" in shown
    assert "50 spins in 130.5 seconds." in shown
    assert alice.username not in shown


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_who_sees_what(role: str) -> None:
    for kind in CLOSERS:
        marked(kind)
    client = signed_in(staff(role))

    page = client.get(LIST)

    if role == Role.FINANCE:
        assert page.status_code == 403
        return
    seen = {each.kind for each in page.context["cl"].result_list}
    assert seen == ({*OF_THE_MACHINE, "rapid_play", "improbable_luck"} if role == Role.GAMES else set(CLOSERS))
    hidden = Marker.objects.exclude(kind__in=seen).first()
    if hidden is not None:
        assert client.get(f"{LIST}{hidden.pk}/change/", follow=True).redirect_chain
        assert client.post(f"{LIST}{hidden.pk}/close/", {"reason": "x", "apply": "yes"}).status_code in {403, 404}


def test_a_performer_sees_none() -> None:
    assert signed_in(person(role=Role.PERFORMER)).get(LIST).status_code == 403


def test_a_marker_leads_to_what_staff_need_and_says_what_they_can_do() -> None:
    marker = marked("improbable_luck")

    page = signed_in(staff(Role.SUPPORT)).get(f"{LIST}{marker.pk}/change/")

    shown = text_of(page)
    assert "2 awards of 250,000 points or more in the last 1,000 spins of classic-95 v1" in shown
    assert "verify_spins" in shown
    links = dict(page.context["related"])
    assert set(links) == {"Spins", "Limits", "Steps of limits", "Time-outs and exclusions", "Account", "Other markers"}
    client = signed_in(staff(Role.SUPPORT))
    assert {client.get(address).status_code for address in links.values()} == {200}


def test_one_is_closed_with_a_reason_and_an_audit() -> None:
    marker, actor = marked("long_day"), staff(Role.SUPPORT)
    client = signed_in(actor)
    page = f"{LIST}{marker.pk}/close/"
    assert "3 hours and more played on 2026-11-29 (UTC)" in text_of(client.get(page))
    assert "This field is required" in text_of(client.post(page, {"reason": "", "apply": "yes"}))

    client.post(page, {"reason": "Spoke to them", "apply": "yes"})

    marker.refresh_from_db()
    assert (marker.state, marker.closed_by, marker.reason) == ("closed", actor, "Spoke to them")
    assert LogEntry.objects.get(object_id=str(marker.pk)).change_message.endswith("Reason: Spoke to them")
    assert client.post(page, {"reason": "Again", "apply": "yes"}).status_code == 403


def test_many_are_closed_at_once_each_by_itself() -> None:
    ours, theirs = [marked(kind) for kind in ("rapid_play", "long_day")], marked("rtp_drift")
    client = signed_in(staff(Role.SUPPORT))
    chosen = {"action": "close_chosen", "_selected_action": [each.pk for each in [*ours, theirs]], "index": 0}

    answer = client.post(LIST, {**chosen, "reason": "Seen", "apply": "yes"})

    assert "FORBIDDEN" in text_of(answer)
    assert set(Marker.objects.values_list("kind", "state")) == {
        ("rapid_play", "closed"), ("long_day", "closed"), ("rtp_drift", "open"),
    }  # fmt: skip
    signed_in(staff(Role.AUDITOR)).post(LIST, {**chosen, "reason": "Seen", "apply": "yes"})
    assert Marker.objects.get(kind="rtp_drift").state == "open"


def test_the_sidebar_counts_what_somebody_can_close() -> None:
    for kind in CLOSERS:
        marked(kind)

    counts: dict[str, int] = {Role.SUPPORT: 5, Role.GAMES: 5, Role.ADMIN: 8}

    def badge(role: str) -> Any:
        page = signed_in(staff(role)).get("/admin/")
        figures = {figure.title: figure.value for figure in page.context["figures"]}
        items = [item for group in page.context["sidebar_navigation"] for item in group["items"]]
        assert figures.get("Markers") == {"finance": None, "auditor": "0"}.get(role, str(counts.get(role)))
        return [item["badge"] for item in items if item["title"] == "Markers"]

    assert [badge(role) for role in (Role.SUPPORT, Role.GAMES, Role.AUDITOR, Role.ADMIN, Role.FINANCE)] == [
        [5], [5], [None], [8], [],
    ]  # fmt: skip
