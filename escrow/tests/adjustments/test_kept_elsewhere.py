"""Points that RedRoomRewards keeps are not undone here: not by the functions, by staff, or by raw SQL."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from core.clock import db_now
from core.ids import new_id
from escrow import services
from escrow.errors import KeptElsewhere
from escrow.models import Approval, ApprovalKind, Operation
from escrow.services import Currency, adjustments, approvals
from escrow.services.adjustments import Reversal
from escrow.services.batches import settle_instants
from escrow.tests.admin.test_adjustments import send
from escrow.tests.factories import tampering
from escrow.tests.ledger.test_batches import decided, execute, undone
from escrow.tests.ledger.test_clearing import cleared
from escrow.tests.ledger.test_guards import as_the_ledger
from escrow.tests.staff.client import error_of, post
from tests import world
from tests.backoffice import text_of

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["undone"]

KINDS = ("deposit", "hold", "settle", "award", "withdraw")
REVERSIBLE = ("deposit", "settle", "award")
UNDO = (
    "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, reverses_id)"
    " SELECT gen_random_uuid(), 'rogue', id, '', '{kind}', {hold}, id FROM escrow_operation WHERE kind = '{what}'"
)


def spun_elsewhere(player: User, award: int = 6_000) -> dict[str, Operation]:
    """A spin that RedRoomRewards paid; the award is above the limit of four eyes. Its operations by kind."""
    with transaction.atomic():
        cleared(decided(player, 100, award))
    return {each.kind: each for each in Operation.objects.filter(kind__in=KINDS)}


def spun_here(player: User) -> dict[str, Operation]:
    """A spin of points of our own; what it and the player's points were written by, by kind."""
    with transaction.atomic():
        settle_instants(execute, [decided(player, 100, 150)], at=db_now())
    return {each.kind: each for each in Operation.objects.all()}


@pytest.fixture
def player() -> User:
    return world.person()


@pytest.fixture
def finance() -> User:
    return world.staff("finance")


@pytest.mark.parametrize("kind", REVERSIBLE)
def test_no_operation_of_a_spin_that_was_paid_elsewhere_is_reversed(player: User, kind: str) -> None:
    spin = spun_elsewhere(player)

    results = [adjustments.reverse_many([Reversal(spin[kind].pk)])[0] for _ in range(2)]

    assert [(each.code, each.replayed) for each in results] == [("KEPT_ELSEWHERE", False)] * 2
    assert not Operation.objects.filter(reverses__isnull=False).exists()


def test_what_was_taken_elsewhere_is_not_charged_back_here(player: User) -> None:
    spin = spun_elsewhere(player)

    (result,) = adjustments.chargeback_many([Reversal(spin["deposit"].pk)])

    assert result.code == "KEPT_ELSEWHERE"
    assert not Operation.objects.filter(kind="chargeback").exists()


def test_a_list_reverses_what_is_kept_here(player: User) -> None:
    elsewhere, here = spun_elsewhere(player), spun_here(world.person(points=100))

    results = adjustments.reverse_many([Reversal(elsewhere["settle"].pk), Reversal(here["settle"].pk)])

    assert [each.code for each in results] == ["KEPT_ELSEWHERE", None]


@pytest.mark.parametrize("kind", ["settle", "award", "deposit"])
def test_a_spin_of_points_of_our_own_is_undone_as_ever(finance: User, kind: str) -> None:
    spin = spun_here(world.person(points=200))

    done = approvals.correct(operation_id=spin[kind].pk, reason="a mistake", actor=finance)

    assert done.operation_id == Operation.objects.get(reverses=spin[kind]).pk


@pytest.mark.parametrize("kind", KINDS)
def test_staff_are_told_where_to_correct_it_and_nobody_is_asked_to_approve(
    player: User, finance: User, kind: str
) -> None:
    spin = spun_elsewhere(player)

    answer = post(finance, "admin/corrections", operationId=str(spin[kind].pk), reason="a mistake")

    assert error_of(answer) == (409, "INVALID_TRANSITION")
    assert "Correct the balance in RedRoomRewards" in answer.json()["error"]["message"]
    assert (Approval.objects.count(), Operation.objects.filter(kind="reverse").count()) == (0, 0)


def test_the_back_office_says_so_before_and_after(player: User, finance: User) -> None:
    spin = spun_elsewhere(player)

    for form in ({}, {"apply": "yes"}):
        shown = text_of(send(finance, "undo", spin["settle"], **form))
        assert "Correct the balance in RedRoomRewards instead. (INVALID_TRANSITION)" in shown
    assert not Operation.objects.filter(kind="reverse").exists()


def test_an_approval_that_was_asked_for_before_is_not_carried_out(player: User, finance: User) -> None:
    spin = spun_elsewhere(player)
    approval = Approval.objects.create(
        kind=ApprovalKind.CORRECTION,
        user=player,
        currency=Currency.POINT,
        amount=6_000,
        reason="a mistake",
        requested_by=world.staff("finance"),
        reverses=spin["award"],
    )

    with pytest.raises(KeptElsewhere):
        approvals.decide(approval_id=approval.pk, approve=True, reason="", actor=finance)
    assert approvals.decide(approval_id=approval.pk, approve=False, reason="no", actor=finance).status == "rejected"


@pytest.mark.parametrize("hold", ["hold_id", "NULL"])
@pytest.mark.parametrize("kind", ["reverse", "chargeback", "payout_reject"])
@pytest.mark.parametrize("what", KINDS)
def test_even_a_faulty_function_of_the_ledger_does_not_undo_it(player: User, what: str, kind: str, hold: str) -> None:
    spun_elsewhere(player)

    with pytest.raises(IntegrityError, match="moved points that another system keeps"):
        as_the_ledger(UNDO.format(kind=kind, what=what, hold=hold))


def test_the_faulty_function_may_undo_what_is_kept_here() -> None:
    """Else the test above would show nothing."""
    spun_here(world.person(points=100))

    as_the_ledger(UNDO.format(kind="reverse", what="settle", hold="hold_id"))


def test_a_hold_of_our_own_with_the_key_of_another_features_deposit_is_undone(player: User, undone: None) -> None:
    """A deposit's key and a hold's are of two scopes: only one that came through clearing makes a hold another's."""
    with transaction.atomic():
        each = decided(world.person(points=100), 100, 0)
        settle_instants(execute, [each], at=db_now())
        deposit = services.Deposit(each.hold.key, player.pk, Currency.POINT, 5, services.House.MINT)
        services.deposit(deposit)
    settle = Operation.objects.get(kind="settle")

    assert adjustments.reverse_many([Reversal(settle.pk)])[0].code is None


@pytest.mark.tampers
@pytest.mark.parametrize("recent", [True, False])
def test_with_the_guards_off_the_verifier_finds_it(player: User, recent: bool) -> None:
    since = db_now() if recent else None
    spin = spun_elsewhere(player)
    assert services.verify(since=since) == []
    fresh = new_id()

    with tampering(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, reverses_id)"
            " VALUES (%s, 'reverse', %s, '', 'reverse', %s, %s)",
            [fresh, str(spin["settle"].pk), spin["settle"].hold_id, spin["settle"].pk],
        )

    problems = {each.problem for each in services.verify(since=since) if each.subject == str(fresh)}
    assert "a reverse of points that another system keeps" in problems
