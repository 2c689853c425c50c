"""A performer with rows of every table: at least one for each address that has an id in it."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Model

import menus.services
import perfqueue.services
import slots.services
from accounts.models import Role, Scope, ServiceAccount, User
from compliance.models import Refusal
from core.clock import db_now
from escrow import services
from escrow.models import (
    Approval,
    Finding,
    Freeze,
    Hold,
    Operation,
    Order,
    PaymentEvent,
    Payout,
    TokenPackage,
    Wallet,
    WalletStatus,
)
from escrow.services import Currency, approvals
from menus.models import MenuItem
from perfqueue.models import PerformerQueue, QueueItem, Run, RunAction, Strike
from slots.models import Spin
from tests.hostile.asking import song_of
from tests.world import again, performer, person, staff

OWN = {User: "pk", Wallet: "owner", PerformerQueue: "pk"}  # of these the other performer has rows too


@dataclass(frozen=True)
class Belongings:
    """What is Ruby's, or was done for her."""

    ruby: User

    def row(self, model: type[Model]) -> Model:
        """A row of that table that is hers.

        Raises:
            AssertionError: there is none; whoever adds a table to the back office adds a row of it below.
        """
        mine = {OWN[model]: self.ruby.pk} if model in OWN else {}
        found = model._default_manager.filter(**mine).order_by("pk").first()
        assert found is not None, f"{model.__name__} has no row of hers"
        return found

    def named_by(self, path: str, parameter: str) -> UUID:
        """Her row that a parameter of an address of the API names.

        Raises:
            AssertionError: nobody knows; whoever adds such an address adds its parameter here.
        """
        named: dict[str, type[Model]] = {
            "performer_id": User,
            "item_id": MenuItem if path.startswith("menus/") else QueueItem,
            "hold_id": Hold,
            "approval_id": Approval,
            "payout_id": Payout,
            "spin_id": Spin,
            "run_id": Run,
        }
        assert parameter in named, f"{path} names {parameter}"
        return UUID(str(self.row(named[parameter]).pk))


def belongings() -> Belongings:
    ruby, alice = performer("ruby", user_cap=10), person("alice", tokens=10_000, points=1_000)
    song = song_of(ruby, price=2_000)
    ended, waiting = bought(alice, song), bought(alice, song)
    perfqueue.services.start(item_id=ended.pk, actor=ruby)
    perfqueue.services.finish(item_id=ended.pk, actor=ruby)
    services.request_payout(performer_id=ruby.pk, amount=1_000, actor=ruby)
    approvals.grant(owner_id=ruby.pk, currency=Currency.TOKEN, amount=9_000, reason="sorry", actor=staff(Role.FINANCE))
    slots.services.spin(user=alice, bet=100, performer_id=ruby.pk)
    perfqueue.services.block(performer_id=ruby.pk, user_id=person().pk, actor=ruby)
    Strike.objects.create(performer=ruby, item=waiting, cause="ROPE_DROP_EXPIRED")
    perfqueue.services.open_run(action=RunAction.REFUND, item_ids=[ended.pk], actor=staff(), reason="sorry")
    rows_of_the_platform(ruby, alice)
    return Belongings(ruby)


def bought(buyer: User, song: MenuItem) -> QueueItem:
    price = song.price_tokens or 0
    return again(menus.services.purchase(buyer=buyer, item_id=song.pk, expected_price=price).intake.item)


def rows_of_the_platform(ruby: User, alice: User) -> None:
    """Rows of the tables that no performer has anything to do with."""
    ServiceAccount.objects.create(user=person(role=Role.SERVICE), features=["arcade"], scopes=[Scope.HOLD])
    Refusal.objects.create(user=ruby, feature="slots", gate="role", code="X", policy_version="1")
    package = TokenPackage.objects.create(title="Pocket", tokens=100, price_minor=100)
    deposit = Operation.objects.filter(kind="deposit").earliest("id")
    order = Order.objects.create(reference="1", user=alice, package=package, tokens=100, deposit=deposit)
    PaymentEvent.objects.create(event_id="1", type="order.paid", fingerprint=b"x" * 32, outcome="x", order=order)
    now = db_now()
    found = [services.Finding("V1", str(ruby.pk), "x", is_late=True)]
    services.record_run(since=None, started_at=now, finished_at=now, operations=1, findings=found)
    points = Wallet.objects.get(owner=ruby, currency=Currency.POINT)
    with transaction.atomic():
        Wallet.objects.filter(pk=points.pk).update(status=WalletStatus.FROZEN)
        Freeze.objects.create(wallet=points, finding=Finding.objects.get(), reason="x")
