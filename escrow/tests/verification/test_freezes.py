"""A wallet is frozen exactly while it has an open freeze: what the database refuses to raw SQL."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from core.ids import new_id
from escrow.errors import NotReversible
from escrow.models import Freeze, Wallet
from escrow.services import auditing
from escrow.tests.factories import wallet
from tests.racing import race
from tests.world import person, staff

pytestmark = pytest.mark.django_db(transaction=True)

ANOTHER = (
    "INSERT INTO escrow_freeze (id, wallet_id, reason, frozen_by, frozen_at)"
    " SELECT %(new)s, w.id, 'x', %(by)s, now() FROM escrow_wallet w WHERE w.id = %(wallet)s"
)
THAWED = (
    "UPDATE escrow_freeze SET thawed_at = now(), thawed_by = %(by)s, thaw_reason = 'x'"
    " WHERE wallet_id = %(wallet)s AND thawed_at IS NULL"
)
STATUS = "UPDATE escrow_wallet SET status = '{}' WHERE id = %(wallet)s"


@pytest.fixture
def finance() -> User:
    return staff("finance")


@pytest.fixture
def flowing() -> Wallet:
    return wallet(person("alice"))


@pytest.fixture
def frozen(finance: User) -> Wallet:
    found = wallet(person("bob"))
    auditing.freeze(wallet_id=found.pk, actor_id=finance.pk, reason="a phone call")
    return found


def run(*statements: str, wallet: Wallet, by: User) -> None:
    """All of them in one transaction, which then commits."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, {"wallet": wallet.pk, "by": by.pk, "new": new_id()})


@pytest.mark.parametrize("statement", [STATUS.format("frozen"), ANOTHER])
def test_a_wallet_is_not_frozen_by_half(flowing: Wallet, finance: User, statement: str) -> None:
    with pytest.raises(IntegrityError, match="is frozen by an open freeze"):
        run(statement, wallet=flowing, by=finance)

    flowing.refresh_from_db()
    assert (flowing.status, Freeze.objects.count()) == ("active", 0)


@pytest.mark.parametrize("statement", [STATUS.format("active"), THAWED])
def test_a_wallet_is_not_thawed_by_half(frozen: Wallet, finance: User, statement: str) -> None:
    with pytest.raises(IntegrityError, match="is frozen by an open freeze"):
        run(statement, wallet=frozen, by=finance)

    frozen.refresh_from_db()
    assert (frozen.status, Freeze.objects.get().thawed_at) == ("frozen", None)


def test_both_halves_in_one_transaction_are_taken_in_any_order(flowing: Wallet, finance: User) -> None:
    for freezing, thawing in (
        ((STATUS.format("frozen"), ANOTHER), (STATUS.format("active"), THAWED)),
        ((ANOTHER, STATUS.format("frozen")), (THAWED, STATUS.format("active"))),
    ):
        run(*freezing, wallet=flowing, by=finance)
        run(*thawing, wallet=flowing, by=finance)

    assert Freeze.objects.filter(thawed_at__isnull=False).count() == 2


def test_of_several_members_of_staff_one_freezes_a_wallet_and_one_thaws_it(flowing: Wallet, finance: User) -> None:
    for change in (auditing.freeze, auditing.thaw):
        answers = race(*[lambda: change(wallet_id=flowing.pk, actor_id=finance.pk, reason="x")] * 6)  # noqa: B023

        assert answers.count(None) == 1
        assert all(isinstance(each, NotReversible) for each in answers if each is not None)

    assert Freeze.objects.get().thawed_by == finance.pk


def test_a_new_wallet_is_not_frozen() -> None:
    newcomer = User.objects.create(username="newcomer")

    with pytest.raises(IntegrityError, match="is frozen by an open freeze"):
        Wallet.objects.create(
            id=new_id(), owner=newcomer, currency="TOKEN", available=0, held=0, earned=0, owed=0, version=0,
            status="frozen",
        )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        "reason = 'y'",
        "frozen_by = %(new)s",
        "frozen_at = now()",
        "wallet_id = %(other)s",
        "id = %(new)s",
        "thaw_reason = 'y'",
        "thawed_at = now(), thawed_by = %(new)s",
    ],
)
def test_a_freeze_keeps_its_facts(frozen: Wallet, flowing: Wallet, change: str) -> None:
    values = {"new": new_id(), "other": flowing.pk}
    with (
        pytest.raises(IntegrityError, match="keeps what it says"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE escrow_freeze SET {change}", values)  # noqa: S608  texts of this file


def test_a_freeze_ends_once(frozen: Wallet, finance: User) -> None:
    auditing.thaw(wallet_id=frozen.pk, actor_id=finance.pk, reason="checked")

    again = THAWED.replace(" AND thawed_at IS NULL", "")
    with pytest.raises(IntegrityError, match="ends once"):
        run(again, wallet=frozen, by=finance)
