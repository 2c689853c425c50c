"""Second factors: a code is used once, recovery codes once each, and no secret lies in clear."""

import json
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from cryptography.exceptions import InvalidTag
from django.test import Client

from accounts import services
from accounts.errors import FactorIsOn, WrongCode
from accounts.models import Attempt, UsedCode, User
from accounts.sealing import seal, unseal
from accounts.services import factors
from accounts.tests.authenticator import Phone, with_factor
from core.errors import Throttled
from tests.clock import Clock
from tests.racing import names, race

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a long enough one"


@pytest.fixture
def alice() -> User:
    return services.create_user(username="alice", password=PASSWORD)


def ask(client: Client, **given: str) -> Any:
    body = {"username": "alice", "password": PASSWORD, **given}
    return client.post("/api/v1/auth/token", body, content_type="application/json")


# --- setting up ---------------------------------------------------------------------------------------------------
def test_a_factor_is_on_once_a_code_has_shown_that_the_phone_has_it(alice: User) -> None:
    phone = Phone(generate_totp_secret())
    with pytest.raises(WrongCode):
        services.set_up_factor(user=alice, secret=phone.secret, code=phone.wrong())
    assert services.factor_of(alice) == factors.Factor(is_on=False)

    codes = services.set_up_factor(user=alice, secret=phone.secret, code=phone.code())

    assert services.factor_of(alice) == factors.Factor(is_on=True, codes_left=10)
    assert len(set(codes)) == 10


def test_a_factor_is_set_up_once(alice: User) -> None:
    with_factor(alice)
    other = Phone(generate_totp_secret())

    with pytest.raises(FactorIsOn):
        services.set_up_factor(user=alice, secret=other.secret, code=other.code())


def test_no_secret_lies_in_clear(alice: User, settings: Any) -> None:
    phone, codes = with_factor(alice)
    stored = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))

    assert phone.secret not in stored
    assert not any(code in stored for code in codes)
    sealed = seal(phone.secret)
    assert unseal(sealed) == phone.secret
    assert seal(phone.secret) != sealed, "equal secrets look different"
    settings.SECOND_FACTOR_KEY = b"k" * 32
    with pytest.raises(InvalidTag):
        unseal(sealed)


# --- codes --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_the_codes_beside_the_present_one_count_and_each_once(alice: User, steps: int) -> None:
    phone = Phone(generate_totp_secret())
    now = 60_000_000
    with time_machine.travel(now * 30 + 1, tick=False):
        services.set_up_factor(user=alice, secret=phone.secret, code=phone.at(now + steps))

        for used_or_far in (now + steps, now - 2, now + 2):
            with pytest.raises(WrongCode):
                factors.spend(user=alice, code=phone.at(used_or_far))
        for other in {now - 1, now, now + 1} - {now + steps}:
            factors.spend(user=alice, code=phone.at(other))


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "\0", "9" * 400])
def test_what_is_no_code_is_wrong(alice: User, code: str) -> None:
    with_factor(alice)

    with pytest.raises(WrongCode):
        factors.spend(user=alice, code=code)


def test_of_two_uses_of_one_code_at_once_one_counts(alice: User) -> None:
    phone, _ = with_factor(alice)
    code = phone.code()

    outcomes = race(*[lambda: factors.spend(user=alice, code=code) for _ in range(4)])

    assert names(outcomes) == {"NoneType": 1, "WrongCode": 3}


def test_a_naive_check_accepts_one_code_twice(alice: User) -> None:
    phone, _ = with_factor(alice)
    code = phone.code()

    def naive() -> None:
        factors._current_step(alice.pk, code)

    assert names(race(naive, naive)) == {"NoneType": 2}


def test_a_recovery_code_opens_the_account_once(alice: User) -> None:
    _, codes = with_factor(alice)
    factors.spend(user=alice, code=codes[3])

    assert services.factor_of(alice).codes_left == 9
    with pytest.raises(WrongCode):
        factors.spend(user=alice, code=codes[3])
    outcomes = race(*[lambda: factors.spend(user=alice, code=codes[4]) for _ in range(3)])
    assert names(outcomes) == {"NoneType": 1, "WrongCode": 2}


def test_new_recovery_codes_replace_the_old_ones(alice: User) -> None:
    phone, old = with_factor(alice)

    new = services.renew_recovery_codes(user=alice, code=phone.code())

    assert not set(new) & set(old)
    with pytest.raises(WrongCode):
        factors.spend(user=alice, code=old[0])
    factors.spend(user=alice, code=new[0])
    with pytest.raises(WrongCode):
        services.renew_recovery_codes(user=alice, code=new[1])


def test_a_factor_is_removed_by_one_of_its_codes(alice: User) -> None:
    _, codes = with_factor(alice)
    with pytest.raises(WrongCode):
        services.remove_factor(user=alice, code="000000000")

    services.remove_factor(user=alice, code=codes[0])

    assert services.factor_of(alice) == factors.Factor(is_on=False)
    assert not Authenticator.objects.exists()


def test_the_tenth_wrong_code_was_the_last_until_the_time_is_over(alice: User, clock: Clock) -> None:
    phone, codes = with_factor(alice)
    for _ in range(10):
        with pytest.raises(WrongCode):
            factors.spend(user=alice, code=phone.wrong())

    with pytest.raises(Throttled) as refused:
        factors.spend(user=alice, code=codes[0])
    assert 200 < (refused.value.retry_after_s or 0) <= 300
    clock.shift(seconds=301)
    factors.spend(user=alice, code=codes[0])

    assert not Attempt.objects.exists(), "a right code sets the count back"


def test_many_wrong_codes_at_once_are_counted_exactly(alice: User) -> None:
    phone, _ = with_factor(alice)

    outcomes = race(*[lambda: factors.spend(user=alice, code=phone.wrong()) for _ in range(16)])

    assert names(outcomes) == {"WrongCode": 10, "Throttled": 6}


def test_used_codes_and_attempts_go_after_a_day(alice: User, clock: Clock) -> None:
    phone, _ = with_factor(alice)
    with pytest.raises(WrongCode):
        factors.spend(user=alice, code=phone.wrong())
    assert services.prune_codes() == 0

    clock.shift(hours=25)

    assert services.prune_codes() == 2
    assert not UsedCode.objects.exists()


# --- tokens -------------------------------------------------------------------------------------------------------
def test_tokens_of_an_account_with_a_factor_need_its_code(alice: User, client: Client, settings: Any) -> None:
    phone, codes = with_factor(alice)
    settings.RELAXED = False
    code = phone.code()

    missing, wrong, right = ask(client), ask(client, otp=phone.wrong()), ask(client, otp=code)
    again, recovered = ask(client, otp=code), ask(client, otp=codes[0])

    assert [each.status_code for each in (missing, wrong, right, again, recovered)] == [401, 401, 200, 401, 200]
    assert missing.json()["error"]["code"] == "UNAUTHENTICATED"
    assert set(right.json()) == {"access", "refresh"}


def test_a_right_code_does_not_help_a_wrong_password(alice: User, client: Client, settings: Any) -> None:
    phone, _ = with_factor(alice)
    settings.RELAXED = False
    code = phone.code()

    assert ask(client, password="wrong", otp=code).status_code == 401
    assert ask(client, otp=code).status_code == 200, "the code was not used up"


def test_the_demo_asks_for_no_code(alice: User, client: Client) -> None:
    with_factor(alice)

    assert ask(client).status_code == 200


def test_an_account_without_a_factor_gets_tokens_as_before(alice: User, client: Client, settings: Any) -> None:
    settings.RELAXED = False

    assert ask(client).status_code == 200
    assert ask(client, otp="").status_code == 200
