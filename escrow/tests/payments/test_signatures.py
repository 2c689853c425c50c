"""The payment webhook accepts what the provider signed, now, with a valid secret, and nothing else."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from escrow.errors import SignatureInvalid
from escrow.models import TokenPackage
from escrow.services.payments import assert_signed, signature
from escrow.tests.payments.provider import SECRET, error_of, event_of, send

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "change",
    [
        {"secret": "another"},
        {"age_s": 301},
        {"age_s": -302},
        {"header": ""},
        {"header": "v1=00"},
        {"header": "t=,v1=00"},
        {"header": "t=1,v1=" + "0" * 64},
        {"header": "t=99999999999999999999,v1=00"},
        {"header": "t=١٢,v1=00"},
    ],
)
def test_what_is_not_signed_now_by_the_provider_is_refused(
    alice: User, package: TokenPackage, change: dict[str, Any]
) -> None:
    assert error_of(send(event_of(alice, package), **change)) == (401, "SIGNATURE_INVALID")
    assert error_of(send(b"{not json", **change)) == (401, "SIGNATURE_INVALID")


def test_a_signature_is_of_its_body_alone(alice: User, package: TokenPackage) -> None:
    raw, at = json.dumps(event_of(alice, package)).encode(), int(time.time())
    header = f"t={at},v1={signature(raw, at, SECRET)}"

    assert error_of(send(raw + b" ", header=header)) == (401, "SIGNATURE_INVALID")
    assert error_of(send(raw, header=header.replace(f"t={at}", f"t={at + 1}"))) == (401, "SIGNATURE_INVALID")
    assert send(raw, header=header).status_code == 200


def test_two_secrets_are_good_while_one_replaces_the_other(alice: User, package: TokenPackage, settings: Any) -> None:
    settings.PAYMENT_WEBHOOK_SECRETS = ["old-secret", "new-secret"]

    assert send(event_of(alice, package), secret="old-secret").status_code == 200
    assert send(event_of(alice, package, orderId="2"), secret="new-secret").status_code == 200
    assert error_of(send(event_of(alice, package), secret=SECRET)) == (401, "SIGNATURE_INVALID")
    settings.PAYMENT_WEBHOOK_SECRETS = []
    assert error_of(send(event_of(alice, package), secret="")) == (401, "SIGNATURE_INVALID")


def test_a_header_may_carry_several_signatures(alice: User, package: TokenPackage) -> None:
    raw, at = json.dumps(event_of(alice, package)).encode(), int(time.time())

    header = f"t={at},v1={'0' * 64},v0=abc,v1={signature(raw, at, SECRET).upper()}"

    assert send(raw, header=header).status_code == 200


@given(
    header=st.text(max_size=200) | st.from_regex(r"\At=[0-9]{1,14}(,v[01]=[0-9a-f]{0,70}){0,4}\Z"),
    body=st.binary(max_size=50),
)
def test_no_header_but_the_right_one_is_accepted(header: str, body: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        assert_signed(lambda: body, header, secrets=[SECRET], now_s=1_000.0)


@given(body=st.binary(max_size=200), at=st.integers(700, 1_300))
def test_the_right_header_is_accepted_within_the_tolerance(body: bytes, at: int) -> None:
    assert_signed(lambda: body, f"t={at},v1={signature(body, at, SECRET)}", secrets=["other", SECRET], now_s=1_000.0)
