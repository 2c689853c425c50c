"""The shop in the back office: who sells, what of a package stays, and that orders and events are read only."""

from typing import Any

import pytest

from escrow import services
from escrow.models import Dispute, Order, PaymentEvent, TokenPackage
from escrow.services import payments
from escrow.tests.admin.test_ledger import page
from tests import world
from tests.backoffice import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
FORM = {
    "title": "Pocket", "tokens": "500", "price_minor": "499", "price_currency": "EUR", "position": "0",
    "is_active": "on",
}  # fmt: skip


def offered() -> TokenPackage:
    services.make_packages([services.Offer("Pocket", 500, 499)])
    return TokenPackage.objects.get()


@pytest.mark.parametrize(
    ("role", "made"), [("finance", 1), ("admin", 1), ("support", 0), ("games", 0), ("auditor", 0), ("performer", 0)]
)
def test_finance_and_admin_put_packages_on_sale(role: str, made: int) -> None:
    answer = signed_in(world.person(role=role)).post(page(TokenPackage, "add"), FORM)

    assert TokenPackage.objects.count() == made
    assert answer.status_code == (302 if made else 403)


def test_a_package_is_renamed_and_taken_off_and_keeps_its_tokens_and_price() -> None:
    package, finance = offered(), signed_in(world.staff("finance"))
    changed = FORM | {"title": "Small", "tokens": "9999", "price_minor": "1", "price_currency": "USD"}
    del changed["is_active"]

    finance.post(page(TokenPackage, "change", package.pk), changed)

    found = TokenPackage.objects.get()
    assert (found.title, found.is_active) == ("Small", False)
    assert (found.tokens, found.price_minor, found.price_currency) == (500, 499, "EUR")
    assert finance.post(page(TokenPackage, "delete", package.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("field", [{"tokens": "0"}, {"tokens": "-5"}, {"price_currency": "eur"}, {"title": ""}])
def test_an_invalid_package_is_refused_at_its_field(field: dict[str, str]) -> None:
    answer = signed_in(world.staff("admin")).post(page(TokenPackage, "add"), FORM | field)

    assert (answer.status_code, TokenPackage.objects.count()) == (200, 0)


@pytest.mark.parametrize(("model", "name"), [(Order, "o-1"), (PaymentEvent, "e-1"), (Dispute, "d-1")])
def test_orders_disputes_and_events_are_read_only_for_everybody(model: Any, name: str) -> None:
    alice, package = world.person("alice"), offered()
    payments.receive(payments.ProviderEvent("e-1", payments.PAID, "o-1", alice.pk, package.pk, 500))
    payments.receive(
        payments.ProviderEvent("e-2", payments.CHARGEBACK, "o-1", alice.pk, package.pk, 500, dispute_id="d-1")
    )
    row = model.objects.order_by("pk")[0]

    for role in ("admin", "finance", "auditor"):
        client = signed_in(world.staff(role))
        assert client.get(page(model, "changelist")).status_code == 200
        assert client.get(page(model, "change", row.pk)).status_code == 200
        assert client.post(page(model, "change", row.pk), {"status": "paid"}).status_code == 403
        assert client.get(page(model, "add")).status_code == 403
    found = signed_in(world.staff("support")).get(page(model, "changelist"), {"q": name})
    assert str(row.pk).encode() in found.content


def test_an_orders_page_leads_to_its_disputes_and_shows_its_state() -> None:
    alice, package, support = world.person("alice"), offered(), signed_in(world.staff("support"))
    for number, kind in enumerate((payments.PAID, payments.CHARGEBACK)):
        payments.receive(
            payments.ProviderEvent(f"e-{number}", kind, "o-1", alice.pk, package.pk, 500, dispute_id="d-1")
        )

    order = support.get(page(Order, "change", Order.objects.get().pk)).content.decode()

    assert "Charged Back" in order
    assert "Disputes" in order
    assert "Lost" in support.get(page(Dispute, "changelist"), {"q": str(Order.objects.get().pk)}).content.decode()
