"""Users with money, made by the services."""

from datetime import UTC, date, datetime
from hashlib import sha256

from rest_framework.test import APIClient

import escrow.services
import perfqueue.services
from accounts.models import PerformerProfile, Role, User
from compliance.models import Terms
from compliance.services import current_terms_version
from core.ids import new_id
from core.origin import Origin
from escrow.services import Currency, Deposit, HoldRequest, House, Payee, operations
from escrow.services.operations import HoldResult
from perfqueue.models import QueueItem
from perfqueue.services.intake import intake
from perfqueue.services.queues import locked_queue

SETTLED_AGE = datetime(2020, 1, 1, tzinfo=UTC)
BORN = date(1990, 1, 1)
ORIGIN = Origin(region="DEMO", address=None, user_agent="")
"""Where requests come from that are made without HTTP."""


def person(name: str = "", *, role: str = Role.USER, tokens: int = 0, points: int = 0) -> User:
    """Create a user of a role, verified, terms accepted, with wallets."""
    user = _known(name, role)
    user.set_unusable_password()
    user.save()
    escrow.services.open_wallets([user.pk])
    for currency, amount in ((Currency.TOKEN, tokens), (Currency.POINT, points)):
        if amount:
            escrow.services.deposit(Deposit(str(new_id()), user.pk, currency, amount, House.MINT))
    return user


def people(count: int, *, role: str = Role.USER, tokens: int = 0) -> list[User]:
    """Create many users of a role in a few statements."""
    made = [_known("", role) for _ in range(count)]
    User.objects.bulk_create(made)
    escrow.services.open_wallets([user.pk for user in made])
    if tokens:
        deposits = [Deposit(str(new_id()), user.pk, Currency.TOKEN, tokens, House.MINT) for user in made]
        assert {paid.code for paid in operations.deposit_many(deposits)} == {None}
    return made


def _known(name: str, role: str) -> User:
    return User(
        username=name or f"u{new_id().hex}", role=role, date_of_birth=BORN, verified_at=SETTLED_AGE, terms_version=1
    )


def new_terms() -> int:
    """Publish one more version of the terms, which nobody has accepted; return its number."""
    version, text = current_terms_version() + 1, f"Terms {new_id()}"
    Terms.objects.create(version=version, title="Terms", text=text, digest=sha256(text.encode()).digest())
    return version


def performer(name: str = "", *, fee_bps: int | None = None, **settings: object) -> User:
    """Create a performer with an open queue; `settings` are fields of PerformerQueue."""
    user = person(name, role=Role.PERFORMER)
    PerformerProfile.objects.create(user=user, display_name=(name or "Somebody").title(), fee_bps=fee_bps)
    perfqueue.services.make_queues([user.pk])
    perfqueue.services.configure(performer_id=user.pk, is_open=True, **settings)
    return user


def performers(count: int, *, fee_bps: int | None = None, **settings: object) -> list[User]:
    """Create many performers with open queues in a few statements."""
    made = people(count, role=Role.PERFORMER)
    PerformerProfile.objects.bulk_create(
        [PerformerProfile(user=user, display_name="Somebody", fee_bps=fee_bps) for user in made]
    )
    perfqueue.services.make_queues([user.pk for user in made])
    for user in made:
        perfqueue.services.configure(performer_id=user.pk, is_open=True, **settings)
    return made


def deactivated(user: User) -> User:
    """Deactivate an account as an administrator does, with a performer's queue."""
    perfqueue.services.deactivate(user_id=user.pk, actor=staff(Role.ADMIN))
    return user


def staff(role: str = Role.SUPPORT) -> User:
    return person(role=role)


def held(payer: User, payee: User, amount: int = 100) -> HoldResult:
    """An open token hold."""
    return escrow.services.hold(
        HoldRequest(new_id(), str(new_id()), payer.pk, Payee(payee.pk), Currency.TOKEN, amount, "test")
    )


def buy(buyer: User, performer: User, tokens: int = 100, **facts: object) -> QueueItem:
    """Hold and submit, as a feature does; return the item."""
    return again(queued(buyer, performer, tokens, **facts))


def queued(buyer: User, performer: User, tokens: int = 100, **facts: object) -> perfqueue.services.ItemFacts:
    """The same in the statements of a feature alone."""
    from core.db import command

    return command(
        lambda: _buy(buyer, performer, tokens, facts), before=lambda: perfqueue.services.expire_due(performer.pk)
    )


def _buy(buyer: User, performer: User, tokens: int, facts: dict[str, object]) -> perfqueue.services.ItemFacts:
    key = str(new_id())
    with locked_queue(performer.pk) as queue:
        opened = held(buyer, performer, tokens)
        payload = perfqueue.services.Intake(
            idempotency_key=key,
            source_feature="test",
            source_event_id=key,
            performer_id=performer.pk,
            user_id=buyer.pk,
            hold_id=opened.hold_id,
            tokens=tokens,
            currency=Currency.TOKEN,
            **{"title": "A song", **facts},  # type: ignore[arg-type]
        )
        return intake(payload, actor=buyer, queue=queue).item


def again(item: perfqueue.services.ItemFacts | QueueItem) -> QueueItem:
    """The item as it is now."""
    return QueueItem.objects.get(pk=item.id)


def available(user: User, currency: Currency = Currency.TOKEN) -> int:
    return escrow.services.balance(user.pk, currency)


def client_of(user: User | None) -> APIClient:
    """An API client signed in as `user` by session, without CSRF checks."""
    client = APIClient()
    if user is not None:
        client.force_authenticate(user=user)
    return client


def key() -> dict[str, str]:
    """A fresh Idempotency-Key header."""
    return {"Idempotency-Key": str(new_id())}
