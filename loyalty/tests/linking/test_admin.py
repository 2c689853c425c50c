"""The back office of RedRoomRewards: who sees and does what, letters sent again, links ended, the nightly report."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import STAFF_ROLES, Role, User
from core.clock import db_now
from core.ids import new_id
from loyalty.admin.words import short_source, span
from loyalty.client.faults import new_breaker
from loyalty.errors import NotDead
from loyalty.models import (
    BreakerChange,
    Difference,
    Link,
    OperationState,
    ReconciliationRun,
    RemoteOperation,
    WebhookEvent,
)
from loyalty.services.breakers import breakers, note_change, watch_breaker
from loyalty.services.dead_letters import send_again
from loyalty.services.overview import overview
from loyalty.tests.linking.linked import credit
from tests.backoffice import signed_in, text_of
from tests.clock import Clock
from tests.racing import names, race
from tests.world import performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/admin/loyalty/remoteoperation/overview/"
LIST = "/admin/loyalty/remoteoperation/"
LINKS = "/admin/loyalty/link/"


@pytest.fixture(autouse=True)
def _there(settings: Any) -> None:
    settings.LOYALTY_BACKEND = "redroomrewards"


def letter(user: User | None = None, amount: int = 1_500, error: str = "INVALID_USER") -> RemoteOperation:
    """A credit that was not delivered for a day."""
    row = credit(user or person(), amount)
    RemoteOperation.objects.filter(pk=row.pk).update(
        state=OperationState.DEAD, closed_at=db_now(), attempts=20, error=error
    )
    return RemoteOperation.objects.get(pk=row.pk)


def unknown() -> RemoteOperation:
    row = credit(person(), 100)
    RemoteOperation.objects.filter(pk=row.pk).update(state=OperationState.UNKNOWN, attempts=9)
    return row


def report(*differences: tuple[int | None, int | None]) -> ReconciliationRun:
    kinds = {(True, False): "extra", (False, True): "missing", (False, False): "differs"}
    run = ReconciliationRun.objects.create(
        day=date(2026, 11, 28), users=20, entries=18_204, clearing_here=1_240_300, clearing_there=1_239_100
    )
    user = person()
    for here, there in differences:
        source = str(new_id())
        kind = kinds[here is None, there is None]
        Difference.objects.create(
            run=run, kind=kind, user=user, key=f"spin-{source}-credit", source=source, here=here, there=there
        )
    ReconciliationRun.objects.filter(pk=run.pk).update(ended_at=db_now())
    return run


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_who_sees_the_page(role: Role) -> None:
    report((1_200, None))
    letter()
    page = signed_in(staff(role)).get(PAGE)

    sees = role != Role.GAMES
    assert page.status_code == (200 if sees else 403)
    if sees:
        text = text_of(page)
        assert ("Missing there" in text) is (role in {Role.FINANCE, Role.AUDITOR, Role.ADMIN})
        assert ("Reconcile now" in text) is (role != Role.AUDITOR)
        assert ("Send the chosen again" in text) is (role != Role.AUDITOR)
        assert (">CSV<" in page.content.decode()) is (role in {Role.FINANCE, Role.ADMIN})


def test_a_performer_sees_none_of_it() -> None:
    client = signed_in(performer())

    assert client.get(PAGE).status_code in (302, 403)
    assert client.get(LINKS).status_code in (302, 403)


def test_the_page_says_what_waits_and_for_how_long(clock: Clock) -> None:
    row, dead = unknown(), letter(amount=2_550)
    credit(person(), 800)
    report((1_200, None), (None, 100), (800, 700))
    clock.shift(minutes=14)

    text = text_of(signed_in(staff(Role.ADMIN)).get(PAGE))

    assert "1 unknown outcome, the oldest 14 min old 100 points; asked again with the same key" in text
    assert "1 dead letter, 2,550 points Not taken there; a person sends them again" in text
    assert "3 differences in the last report Nothing is corrected without a person" in text
    assert "Unknown 1 oldest 14 min" in text
    assert "Credits waiting 1 oldest 14 min" in text
    assert f"spin-{row.source.replace('-', '')[-6:]} credit, u-{row.user_id.hex[-6:]}" in text
    assert f"{dead.amount:,} INVALID_USER 14 min" in text
    assert "Missing there" in text
    assert "1,200 none +1,200" in text
    assert "none 100 \N{MINUS SIGN}100" in text
    assert "800 700 +100" in text
    assert "Together they add up to +1,200 : our clearing account says 1,240,300, their ledger 1,239,100." in text


def test_a_page_of_nothing_says_so() -> None:
    text = text_of(signed_in(staff(Role.ADMIN)).get(PAGE))

    assert "Nothing waits for a person." in text
    assert "None: every answer is known." in text
    assert "None: nothing waits to be sent again." in text
    assert "No night has been compared yet." in text


def test_the_page_costs_the_same_however_much_there_is() -> None:
    client = signed_in(staff(Role.ADMIN))

    def cost() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(PAGE).status_code == 200
        return len(seen)

    unknown()
    letter()
    report((1_200, None))
    few = cost()
    for _ in range(6):
        unknown()
        letter()
        credit(person())
    with CaptureQueriesContext(connection) as read:
        overview()

    assert cost() == few
    assert len(read) == 9


def test_the_index_and_the_sidebar_say_how_much_waits(settings: Any) -> None:
    unknown()
    letter()
    client = signed_in(staff(Role.SUPPORT))

    page = client.get("/admin/")

    figures = {figure.title: figure for figure in page.context["figures"]}
    assert (figures["RedRoomRewards"].value, figures["RedRoomRewards"].is_urgent) == ("2", True)
    assert "1 unknown, the oldest 0 s; 1 dead" in figures["RedRoomRewards"].note
    badges = {
        item["title"]: item.get("badge") for group in page.context["sidebar_navigation"] for item in group["items"]
    }
    assert badges["RedRoomRewards"] == 2
    settings.LOYALTY_BACKEND = "local"
    titles = {group.get("title") for group in client.get("/admin/").context["sidebar_navigation"]}
    assert "Loyalty" not in titles


def chosen(*rows: Any, **more: str) -> dict[str, Any]:
    return {"_selected_action": [str(row.pk) for row in rows], "index": "0", **more}


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FINANCE, Role.ADMIN])
def test_letters_are_sent_again_with_a_reason_one_audit_row_each(role: Role) -> None:
    letters, actor = [letter(), letter(amount=800), letter(amount=250)], staff(role)
    client = signed_in(actor)
    first = client.post(LIST, chosen(*letters, action="send_again"))
    assert "3 of 3 can be sent again" in text_of(first)
    assert "2,550 points" in text_of(first)
    assert not LogEntry.objects.exists()

    without = client.post(LIST, chosen(*letters, action="send_again", apply="yes", reason=""))
    assert "This field is required" in text_of(without)
    done = client.post(LIST, chosen(*letters, action="send_again", apply="yes", reason="They fixed the member."))

    assert "3 of 3 queued" in text_of(done)
    assert {row.state for row in RemoteOperation.objects.all()} == {OperationState.OPEN}
    entries = LogEntry.objects.filter(user=actor)
    assert entries.count() == 3
    assert {entry.change_message for entry in entries} == {"By action: queued. Reason: They fixed the member."}


def test_of_two_letters_one_that_is_dead_no_more_is_refused_and_the_other_sent() -> None:
    dead, alive = letter(), credit(person())

    done = signed_in(staff(Role.ADMIN)).post(
        LIST, chosen(dead, alive, action="send_again", apply="yes", reason="Again.")
    )

    assert "1 of 2 queued" in text_of(done)
    assert "INVALID_TRANSITION" in text_of(done)
    assert RemoteOperation.objects.get(pk=dead.pk).state == OperationState.OPEN
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.GAMES, Role.PERFORMER, Role.USER])
def test_others_send_nothing_again(role: Role) -> None:
    dead = letter()

    signed_in(person(role=role)).post(LIST, chosen(dead, action="send_again", apply="yes", reason="x"))

    assert RemoteOperation.objects.get(pk=dead.pk).state == OperationState.DEAD
    assert not LogEntry.objects.exists()


def test_a_letter_is_queued_once_by_two_people_at_once() -> None:
    dead, actor = letter(), staff(Role.ADMIN)

    outcomes = race(*[lambda: send_again(operation_id=dead.pk, reason="Again.", actor=actor)] * 2)

    assert names(outcomes) == {"RemoteOperation": 1, NotDead.__name__: 1}
    again = RemoteOperation.objects.get(pk=dead.pk)
    assert (again.state, again.attempts, again.key, again.body) == (OperationState.OPEN, 0, dead.key, dead.body)


def test_reconciliation_is_asked_for_by_who_may(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def request_run(task: str) -> bool:
        asked.append(task)
        return True

    monkeypatch.setattr("loyalty.admin.operations.request_run", request_run)

    for role in (Role.AUDITOR, Role.FINANCE):
        signed_in(staff(role)).post(PAGE)

    assert asked == ["loyalty.reconcile"]


def test_without_a_broker_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loyalty.admin.operations.request_run", lambda task: False)
    client = signed_in(staff(Role.ADMIN))

    assert "The broker is not reached" in text_of(client.post(PAGE, follow=True))


def link(user: User | None = None, number: str = "RR-204 118") -> Link:
    return Link.objects.create(user=user or person("alice"), member_id=number)


@pytest.mark.parametrize(
    "term",
    [lambda link: link.member_id, lambda link: str(link.user_id), lambda link: "alice", lambda link: str(link.pk)],
)
def test_a_link_is_found_by_membership_or_person(term: Any) -> None:
    found = link()
    link(person("bob"), "RR-9")

    page = signed_in(staff(Role.SUPPORT)).get(LINKS, {"q": term(found)})

    assert [row.pk for row in page.context["cl"].result_list] == [found.pk]


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_support_ends_a_link_with_a_reason_and_an_audit_row(role: Role) -> None:
    row, actor = link(), staff(role)
    client = signed_in(actor)

    client.post(LINKS, chosen(row, action="unlink_chosen", apply="yes", reason=""))
    assert Link.objects.get().unlinked_at is None
    client.post(LINKS, chosen(row, action="unlink_chosen", apply="yes", reason="Asked by phone."))

    may = role in {Role.SUPPORT, Role.ADMIN}
    ended = Link.objects.get()
    assert (ended.unlinked_by, ended.reason) == ((actor, "Asked by phone.") if may else (None, ""))
    assert LogEntry.objects.count() == (1 if may else 0)


def test_unlinking_is_confirmed_on_a_page_of_its_own() -> None:
    row = link()
    client = signed_in(staff(Role.SUPPORT))

    page = text_of(client.get(f"{LINKS}{row.pk}/unlink/"))

    assert "alice" in page
    assert "RR-204 118" in page
    assert "The person cannot spin until they link again" in page
    assert Link.objects.get().unlinked_at is None
    assert client.get(f"{LINKS}{new_id()}/unlink/").status_code == 404


def test_a_link_is_neither_added_nor_changed_nor_deleted_here() -> None:
    row = link()
    client = signed_in(staff(Role.ADMIN))

    assert client.get(f"{LINKS}add/").status_code == 403
    assert client.post(f"{LINKS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(f"{LINKS}{row.pk}/change/", {"member_id": "RR-1"})
    assert Link.objects.get().member_id == "RR-204 118"


@pytest.mark.parametrize(
    "key", ["spin-{}-deduct", "spin-{}-credit", "spin-{}-refund", "order-{}-earn", "order-{}-reversal", "tip-{}-earn"]
)
def test_operations_are_found_by_what_they_are_for(key: str) -> None:
    source = new_id()
    row = RemoteOperation.objects.create(
        user=person(), kind="credit", amount=1, key=key.format(source), source=str(source), body={}
    )
    credit(person())

    page = signed_in(staff(Role.SUPPORT)).get(LIST, {"q": str(source)})

    assert [each.pk for each in page.context["cl"].result_list] == [row.pk]


def test_the_report_as_csv_has_every_row_and_no_formula() -> None:
    run = report((1_200, None), *[(None, 100)] * 12)
    Difference.objects.create(run=run, kind="extra", user=person(), key="=1+1", there=5)

    answer = signed_in(staff(Role.FINANCE)).get(PAGE, {"csv": "report"})

    rows = list(csv.reader(io.StringIO(answer.content.decode())))
    assert answer["Content-Disposition"] == 'attachment; filename="redroomrewards-2026-11-28.csv"'
    assert len(rows) == 15
    assert rows[1][0] == "missing"
    assert rows[1][4:] == ["1200", "", "1200"]
    assert rows[2][4:] == ["", "100", "'-100"]
    assert rows[-1][1] == "'=1+1"


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.AUDITOR])
def test_the_csv_has_a_permission_of_its_own(role: Role) -> None:
    report((1_200, None))

    assert signed_in(staff(role)).get(PAGE, {"csv": "report"}).status_code == 403


def test_events_to_look_at_are_an_alert() -> None:
    WebhookEvent.objects.create(event_id="1", type="LINK_UPDATED", body={}, user=person(), note="not linked there")

    assert "1 event of the last 7 days to look at" in text_of(signed_in(staff(Role.SUPPORT)).get(PAGE))


# --- the circuit breaker ------------------------------------------------------------------------------------


def test_a_change_of_the_breaker_is_kept_and_shown(clock: Clock) -> None:
    note_change("commands", "open").join()

    seen = breakers()
    text = text_of(signed_in(staff(Role.SUPPORT)).get(PAGE))

    assert seen.open_since is not None
    assert seen.open_in.startswith("commands ")
    assert "Circuit breaker Open Open since" in text
    note_change("commands", "closed").join()
    assert breakers().open_since is None
    assert "Circuit breaker Closed Closed since" in text_of(signed_in(staff(Role.SUPPORT)).get(PAGE))


def test_a_process_that_ended_with_an_open_breaker_is_forgotten(clock: Clock) -> None:
    note_change("worker", "open").join()

    clock.shift(hours=1, seconds=1)

    assert breakers().open_since is None
    assert breakers().opened_at is not None


def test_the_watch_keeps_each_change_of_a_breaker() -> None:
    breaker, kept = new_breaker(), []
    watch_breaker("web", breaker, keep=lambda part, state: kept.append((part, state)))

    for _ in range(10):
        breaker.report(failed=True, is_trial=False)
    breaker.reset()

    assert kept == [("web", "open"), ("web", "closed")]


def test_a_row_of_a_breaker_is_never_changed() -> None:
    note_change("web", "open").join()
    with pytest.raises(Exception, match="append-only"):
        BreakerChange.objects.update(state="closed")


def test_ages_are_told_in_their_largest_unit() -> None:
    now = db_now()
    ages = {0: "0 s", 59: "59 s", 60: "1 min", 7_199: "119 min", 7_200: "2 h", 93_600: "26 h"}
    assert {s: span(now - timedelta(seconds=s), now) for s in ages} == ages
    assert span(None, now) == ""
    assert reverse("admin:loyalty_remoteoperation_overview") == PAGE
    assert short_source("spin-0193ab12-0000-7000-8000-00000071ac01-credit") == "spin-71ac01"
