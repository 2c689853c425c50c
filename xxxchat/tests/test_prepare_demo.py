"""What a stack does to its database before its parts start; `tests/stack` runs it with a guarded role."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from core.db import rows

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_migrated_database_gets_the_demo_world(settings: Any) -> None:
    settings.DEMO_PASSWORD = "of these tests"
    told = StringIO()

    call_command("prepare_demo", stdout=told)

    assert told.getvalue() == "The demo world is there.\n"
    assert User.objects.filter(username="alice").exists()


def test_the_step_that_failed_is_named(settings: Any) -> None:
    settings.APP_MODE = "production"
    told = StringIO()

    with pytest.raises(CommandError, match="APP_MODE"):
        call_command("prepare_demo", stderr=told)
    assert told.getvalue().splitlines() == ["`manage.py seed_demo` failed."]

    with pytest.raises(Exception, match='role "nobody" does not exist'):
        call_command("prepare_demo", role="nobody", stderr=told)
    assert told.getvalue().splitlines()[1:] == ["`manage.py guard_ledger` failed."]
    assert rows("SELECT current_user <> 'nobody' AS kept") == [{"kept": True}]
