"""Erasure: asked for with the password, waits for what is open, empties what names the person, keeps ids and money."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse

import perfqueue.services
from accounts import services as accounts
from accounts.errors import CannotErase, ErasureClosed
from accounts.models import Erasure, Role, User
from compliance import services as compliance
from compliance.models import AgeCase, AgeDate, Break
from core.clock import db_now
from core.db import command, rows
from escrow import services as escrow
from loyalty.models import KnownBalance, Link, LinkIntent, RemoteOperation, WebhookEvent
from loyalty.services.asking import know
from loyalty.tests.linking.linked import credit
from menus.models import Purchase
from slots.models import SpinOrigin
from tests import world
from tests.clock import Clock
from tests.hostile.asking import song_of
from tests.racing import race
from xxxchat import people
from xxxchat.erasure import erase_due
from xxxchat.pages.tests.visiting import html

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "words-nobody-guesses"
EMAIL = "river@example.org"


@pytest.fixture
def river() -> User:
    return signed_up()


def signed_up(name: str = "river_42") -> User:
    terms = compliance.current_terms_version()
    made = people.sign_up(
        username=name, email=EMAIL, password=PASSWORD, date_of_birth=date(1994, 11, 3), terms_version=terms
    )
    assert made is not None
    accounts.confirm_address(accounts.confirmation_key(made))
    return User.objects.get(pk=made.pk)


def browser() -> Client:
    client = Client(headers={"user-agent": "Firefox/132.0 (Android)"})
    client.post(reverse("sign-in"), {"username": "river_42", "password": PASSWORD})
    return client


def ask(client: Client, password: str = PASSWORD, code: str = "") -> Any:
    return client.post(reverse("erase"), {"password": password, "code": code})


def both_rounds(clock: Clock) -> list[int]:
    first = erase_due()
    clock.shift(seconds=61)
    return [first, erase_due()]


def test_an_erased_account_names_nobody_and_keeps_its_ids_and_money(river: User, clock: Clock) -> None:
    ruby, staff = world.performer("ruby"), world.staff(Role.SUPPORT)
    escrow.deposit(escrow.Deposit("d-1", river.pk, escrow.Currency.TOKEN, 500, escrow.House.MINT))
    item = world.buy(river, ruby, 30)
    command(lambda: compliance.decide_age(user_id=river.pk, verified=True, reason="Seen", actor=staff))
    SpinOrigin.objects.create(spin_id=river.pk, user_id=river.pk, address="203.0.113.9", at=db_now())
    client = browser()
    assert ask(client)["Location"] == reverse("account")
    assert both_rounds(clock) == [0, 0], "a request is open"
    assert User.objects.get(pk=river.pk).is_active

    _leave(river, item.pk)
    assert both_rounds(clock) == [0, 1]

    gone = User.objects.get(pk=river.pk)
    assert (gone.username, gone.email, gone.date_of_birth) == (f"erased-{river.pk.hex}", "", None)
    assert (gone.is_active, gone.verified_at, gone.has_usable_password()) == (False, None, False)
    assert gone.erased_at is not None
    assert not EmailAddress.objects.filter(user=gone).exists()
    assert not UserSession.objects.filter(user=gone).exists()
    assert not SpinOrigin.objects.filter(user_id=river.pk).exists()
    assert not AgeDate.objects.filter(decision__user=gone).exists()
    assert [wallet.available for wallet in escrow.wallets_of(river.pk)] == [500, 0]
    assert client.get(reverse("account")).status_code == 302
    assert both_rounds(clock) == [0, 0], "a round that comes again finds it done"


def _leave(user: User, item_id: UUID) -> None:
    command(lambda: perfqueue.services.leave(item_id=item_id, actor=user))


def test_no_column_of_the_database_has_the_persons_name_or_address_any_more(river: User, clock: Clock) -> None:
    ask(browser())

    both_rounds(clock)

    assert found("river_42") == []
    assert found(EMAIL) == []


def found(text: str) -> list[str]:
    """The tables with a row that has this text anywhere."""
    tables = [row["name"] for row in rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'", [])]
    has = 'SELECT 1 AS one FROM "{}" AS t WHERE strpos(lower(t::text), lower(%s)) > 0 LIMIT 1'
    return [name for name in tables if rows(has.format(name), [text])]


def test_nothing_of_a_membership_is_left_and_what_was_sent_stays(river: User, clock: Clock) -> None:
    number, code = "RR-204118-river", "7KQ4-MN2X-river"
    Link.objects.create(user=river, member_id=f"{number}-old")
    Link.objects.update(unlinked_at=db_now(), reason="Lost.")
    link = Link.objects.create(user=river, member_id=number)
    LinkIntent.objects.create(user=river, intent_id="i-1", link_code=code, expires_at=db_now())
    WebhookEvent.objects.create(
        event_id="e-1", type="LINK_UPDATED", body={"memberId": number}, user=river, due_at=db_now()
    )
    know([(river.pk, 8_450, db_now())])
    award = credit(river, 1_500)
    ask(browser())

    assert both_rounds(clock) == [0, 0], "an award is on its way"
    assert Link.objects.get(pk=link.pk).member_id == number
    RemoteOperation.objects.filter(pk=award.pk).update(state="confirmed", closed_at=db_now(), new_balance=9_950)
    assert both_rounds(clock) == [0, 1]

    assert found(number) == []
    assert found(code) == []
    ended = Link.objects.get(pk=link.pk)
    assert (ended.member_id, ended.reason) == (f"erased-{link.pk}", "erased")
    assert ended.unlinked_at is not None
    assert not KnownBalance.objects.exists()
    assert WebhookEvent.objects.get().due_at is None
    assert RemoteOperation.objects.get().body == award.body


def test_notes_of_purchases_are_blanked(river: User, clock: Clock) -> None:
    ruby = world.performer("ruby")
    escrow.deposit(escrow.Deposit("d-2", river.pk, escrow.Currency.TOKEN, 500, escrow.House.MINT))
    staff = world.staff(Role.SUPPORT)
    command(lambda: compliance.decide_age(user_id=river.pk, verified=True, reason="Seen", actor=staff))
    client, song = browser(), song_of(ruby, price=20)
    form = {"idempotency_key": "a-key-of-this-test", "expected_price": "20", "note": "My name is River"}
    client.post(reverse("ask", args=[ruby.pk, song.pk]), form)
    purchase = Purchase.objects.get(buyer=river)
    ask(client)
    assert purchase.queue_item is not None
    _leave(river, purchase.queue_item.pk)

    both_rounds(clock)

    assert Purchase.objects.get(pk=purchase.pk).note == ""


def test_nobody_signs_in_between_the_rounds_or_after_them(river: User, clock: Clock) -> None:
    phone = browser()
    ask(phone)
    erase_due()

    statuses = [phone.get(reverse("account")).status_code, browser().get(reverse("account")).status_code]
    assert statuses == [302, 302]
    with pytest.raises(ErasureClosed):
        accounts.cancel_erasure(user_id=river.pk)
    with pytest.raises(ErasureClosed):
        accounts.reactivate(river.pk)
    assert erase_due() == 0, "a minute lies between the rounds"
    clock.shift(seconds=61)
    assert erase_due() == 1
    with pytest.raises(ErasureClosed):
        accounts.reactivate(river.pk)


def test_it_can_be_called_off_until_it_begins(river: User, clock: Clock) -> None:
    client = browser()
    ask(client)
    assert "Keep my account" in html(client.get(reverse("account")))

    answer = client.post(reverse("erase-cancel"), follow=True)

    assert "Your account stays." in html(answer)
    assert both_rounds(clock) == [0, 0]
    assert User.objects.get(pk=river.pk).email == EMAIL
    assert ask(client).status_code == 302, "it can be asked for again"
    assert Erasure.objects.filter(user=river).count() == 2


@pytest.mark.parametrize(("password", "status"), [("wrong", 401), ("", 400), ("\0", 400), ("x" * 2_000, 400)])
def test_without_the_password_nothing_is_asked_for(river: User, password: str, status: int) -> None:
    answer = ask(browser(), password)

    assert answer.status_code == status
    assert accounts.erasure_of(river.pk) is None


def test_passwords_cannot_be_tried_for_ever(river: User) -> None:
    client = browser()

    statuses = [ask(client, "wrong").status_code for _ in range(11)]

    assert statuses == [401] * 10 + [429]
    assert ask(client).status_code == 429, "the right one is not looked at either"


def test_somebody_elses_form_erases_nobody_else(river: User, clock: Clock) -> None:
    mallory = world.person("mallory")
    mallory.set_password(PASSWORD)
    mallory.save()
    client = Client()
    client.post(reverse("sign-in"), {"username": "mallory", "password": PASSWORD})

    client.post(reverse("erase"), {"password": PASSWORD, "user": str(river.pk), "user_id": str(river.pk)})
    both_rounds(clock)

    assert User.objects.get(pk=river.pk).erased_at is None
    assert User.objects.get(pk=mallory.pk).erased_at is not None


def test_a_form_sent_twice_and_two_at_once_ask_once(river: User) -> None:
    client = browser()
    ask(client)
    ask(client)
    accounts.cancel_erasure(user_id=river.pk)

    def once() -> bool:
        return command(lambda: accounts.ask_erasure(user_id=river.pk, actor=river))

    assert sorted(race(once, once)) == [False, True]
    assert Erasure.objects.filter(user=river, cancelled_at=None).count() == 1


def test_two_rounds_at_once_empty_it_once(river: User, clock: Clock) -> None:
    command(lambda: accounts.ask_erasure(user_id=river.pk, actor=river))
    erase_due()
    clock.shift(seconds=61)

    assert sorted(race(erase_due, erase_due)) == [0, 1]


@pytest.mark.parametrize("role", [Role.PERFORMER, Role.SUPPORT, Role.ADMIN])
def test_other_accounts_are_erased_by_a_person(role: Role) -> None:
    user = world.performer("ruby") if role == Role.PERFORMER else world.staff(role)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    assert client.post(reverse("erase"), {"password": "x"}).status_code == 403
    assert "Write to support" in html(client.get(reverse("account")))
    with pytest.raises(CannotErase):
        command(lambda: accounts.ask_erasure(user_id=user.pk, actor=user))


@pytest.mark.parametrize("duration", ["6m", "forGood"])
def test_a_running_exclusion_goes_on_for_whoever_signs_up_with_the_address(
    river: User, clock: Clock, duration: str
) -> None:
    running = compliance.exclude_self(user=river, duration=duration)
    command(lambda: accounts.ask_erasure(user_id=river.pk, actor=river))
    both_rounds(clock)

    again = signed_up("somebody_new")

    assert again.pk != river.pk
    inherited = Break.objects.get(user=again)
    assert (inherited.until, inherited.is_inherited) == (running.until, True)


def test_a_case_that_waits_goes_with_its_person(river: User, clock: Clock) -> None:
    assert AgeCase.objects.get(user=river).state == "pending"
    command(lambda: accounts.ask_erasure(user_id=river.pk, actor=river))

    both_rounds(clock)

    assert not AgeCase.objects.filter(user=river).exists()
