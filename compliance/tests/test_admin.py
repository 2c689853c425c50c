"""Refusals in the back office: staff read them, nobody writes them."""

import pytest
from django.urls import reverse

from accounts.models import STAFF_ROLES, Role
from compliance import services
from compliance.errors import AgeVerificationRequired
from compliance.models import Refusal
from tests.backoffice import signed_in
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "admin:compliance_refusal_changelist"


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_staff_read_refusals_and_change_none(role: Role) -> None:
    alice = person("alice")
    services.record_refusal(user_id=alice.pk, feature="slots", refusal=AgeVerificationRequired(), region=None)
    client, row = signed_in(person("reader", role=role)), Refusal.objects.get()
    page = reverse("admin:compliance_refusal_change", args=[row.pk])

    assert "AGE_VERIFICATION_REQUIRED" in client.get(reverse(LIST), {"q": "alice"}).content.decode()
    assert "AGE_VERIFICATION_REQUIRED" in client.get(page).content.decode()
    assert "AGE_VERIFICATION_REQUIRED" in client.get(reverse(LIST), {"gate": "age", "user": "alice"}).content.decode()
    assert "AGE_VERIFICATION_REQUIRED" not in client.get(reverse(LIST), {"gate": "terms"}).content.decode()
    assert client.post(page, {"code": "x"}).status_code == 403
    assert client.post(reverse("admin:compliance_refusal_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:compliance_refusal_add")).status_code == 403


def test_performers_see_none() -> None:
    assert signed_in(person("reader", role=Role.PERFORMER)).get(reverse(LIST)).status_code == 403
