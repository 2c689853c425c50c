"""The output and the exit code of `manage.py verify_ledger`."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from escrow.models import Wallet
from tests.world import buy, performer, person

pytestmark = pytest.mark.django_db(transaction=True)


def output_of(*options: str) -> str:
    out = StringIO()
    call_command("verify_ledger", *options, stdout=out)
    return out.getvalue()


def test_a_sound_ledger_is_reported_as_text_and_as_json() -> None:
    buy(person(tokens=100), performer())

    assert output_of() == "8 invariants checked, 0 findings.\n"
    assert json.loads(output_of("--json")) == {
        "ok": True,
        "checked": ["V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8"],
        "findings": [],
    }


@pytest.mark.tampers
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_finding_is_reported_and_ends_with_code_one(options: list[str]) -> None:
    alice = person(tokens=100)
    wallet = Wallet.objects.get(owner=alice, currency="TOKEN")
    with connection.cursor() as cursor:
        cursor.execute(
            "DO $$ BEGIN SET LOCAL session_replication_role = replica;"
            " UPDATE escrow_wallet SET available = 101 WHERE available = 100; END $$"
        )
    out = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("verify_ledger", *options, stdout=out)

    assert ended.value.code == 1
    assert str(wallet.pk) in out.getvalue()
    if options:
        found = json.loads(out.getvalue())
        assert (found["ok"], [each["check"] for each in found["findings"]]) == (False, ["V2"])
