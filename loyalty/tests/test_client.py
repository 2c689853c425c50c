"""The client against a real server: keys, tries, tokens, both shapes of errors, what is known when it fails."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
import time_machine

from core.breaker import Breaker
from core.ids import new_id
from loyalty.client import (
    Applied,
    Confirmation,
    Credit,
    CreditReason,
    Deduct,
    Earn,
    EarnReason,
    LoyaltyClient,
    Outcome,
    Try,
    faults,
)
from loyalty.errors import (
    KeyMismatch,
    LoyaltyUnavailable,
    OutcomeUnknown,
    RemoteInsufficient,
    RemoteRefusal,
    RemoteUnknownUser,
)
from loyalty.tests.remote import MEMBER, SECRET, Remote, config, own_breaker

T = TypeVar("T")
ALICE = new_id()
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def asked(
    remote: Remote, work: Callable[[LoyaltyClient], Awaitable[T]], *, breaker: Breaker | None = None, **changed: Any
) -> T:
    """Run `work` with a client of its own."""

    async def run() -> T:
        async with LoyaltyClient(config(remote, **changed), breaker=breaker or own_breaker()) as client:
            return await work(client)

    return asyncio.run(run())


def bet(amount: int = 100, *, user_id: UUID = ALICE, key: str = "spin-1-deduct") -> Deduct:
    return Deduct(user_id=user_id, amount=amount, transaction_id=key)


@pytest.fixture
def tries() -> Iterator[list[Try]]:
    seen: list[Try] = []
    faults.on_try(seen.append)
    yield seen
    faults._observers.remove(seen.append)


def test_a_change_carries_key_client_and_trace_and_has_one_effect(remote: Remote) -> None:
    remote.balances[str(ALICE)] = 500

    first, second = asked(remote, lambda c: _twice(c, bet())), remote.balances[str(ALICE)]

    assert first == (Applied(400), Applied(400))
    assert second == 400
    _, headers, body = remote.calls[1]
    assert headers["Idempotency-Key"] == body["transactionId"] == "spin-1-deduct"
    assert headers["X-Client-Id"] == "us"
    assert headers["X-Request-Trace"] == "r-1"
    assert body == {
        "userId": str(ALICE),
        "amount": 100,
        "reason": "slot_machine_spin",
        "transactionId": "spin-1-deduct",
    }


def test_every_call_says_who_we_are_and_by_which_request(remote: Remote) -> None:
    remote.balances[str(ALICE)] = 500

    async def several(client: LoyaltyClient) -> None:
        await client.deduct(bet())
        await client.balance(ALICE)
        await client.ledger(ALICE, since=SINCE)
        await client.link_intent(ALICE, key="link-1-intent")

    asked(remote, several)

    assert [name for name, _, _ in remote.calls] == ["token", "deduct", "balance", "ledger", "intents"]
    assert {headers["X-Client-Id"] for _, headers, _ in remote.calls} == {"us"}
    assert all(headers["X-Request-Trace"] for _, headers, _ in remote.calls)


async def _twice(client: LoyaltyClient, deduct: Deduct) -> tuple[Applied, Applied]:
    return await client.deduct(deduct, trace="r-1"), await client.deduct(deduct, trace="r-1")


def test_credits_and_earnings_are_sent_as_agreed(remote: Remote) -> None:
    metadata = {"spinId": "s", "symbols": ["cherry"] * 3, "multiplier": "1.5"}
    credit = Credit(
        user_id=ALICE, amount=150, transaction_id="spin-1-credit", reason=CreditReason.WIN, metadata=metadata
    )
    earn = Earn(user_id=ALICE, amount=5, transaction_id="order-1-earn", reason=EarnReason.PURCHASE)

    async def both(client: LoyaltyClient) -> list[Applied]:
        return [await client.credit(credit), await client.earn(earn)]

    assert asked(remote, both) == [Applied(150), Applied(155)]
    assert remote.calls[1][2]["metadata"] == metadata
    assert remote.calls[2][2] == {
        "userId": str(ALICE),
        "points": 5,
        "reason": "token_purchase",
        "transactionId": "order-1-earn",
        "metadata": {},
    }


@pytest.mark.parametrize(
    "fault", ["drop_before", "drop_after", "slow_after", "status:503", "system_error", "rate_limited", "garbage"]
)
def test_a_failed_try_is_repeated_with_the_same_key_and_pays_once(remote: Remote, fault: str) -> None:
    remote.balances[str(ALICE)] = 500
    remote.befalls("deduct", fault, fault)

    assert asked(remote, lambda c: c.deduct(bet())) == Applied(400)
    assert remote.keys("deduct") == ["spin-1-deduct"] * 3
    assert remote.balances[str(ALICE)] == 400


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("drop_before", OutcomeUnknown),
        ("drop_after", OutcomeUnknown),
        ("slow_before", OutcomeUnknown),
        ("status:503", OutcomeUnknown),
        ("garbage", OutcomeUnknown),
        ("system_error", LoyaltyUnavailable),
        ("rate_limited", LoyaltyUnavailable),
    ],
)
def test_three_tries_are_all_and_what_is_known_then_is_said(remote: Remote, fault: str, error: type[Exception]) -> None:
    remote.balances[str(ALICE)] = 500
    remote.befalls("deduct", *[fault] * 3)

    with pytest.raises(error):
        asked(remote, lambda c: c.deduct(bet()))
    assert remote.count("deduct") == 3


def test_one_unknown_try_makes_the_call_unknown_whatever_follows(remote: Remote) -> None:
    remote.befalls("deduct", "drop_after", "system_error", "rate_limited")

    with pytest.raises(OutcomeUnknown):
        asked(remote, lambda c: c.deduct(bet()))


def test_a_read_that_fails_is_unavailable(remote: Remote) -> None:
    remote.befalls("balance", "garbage", "status:500", "system_error")

    with pytest.raises(LoyaltyUnavailable):
        asked(remote, lambda c: c.balance(ALICE))


def test_nobody_there_is_surely_not_applied(remote: Remote) -> None:
    with pytest.raises(LoyaltyUnavailable):
        asked(remote, lambda c: c.deduct(bet()), base_url="http://127.0.0.1:1")


def test_a_call_ends_within_its_time(remote: Remote) -> None:
    remote.befalls("deduct", "slow_before", "slow_before", "slow_before")

    async def timed(client: LoyaltyClient) -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(OutcomeUnknown):
            await client.deduct(bet())
        return loop.time() - began

    assert asked(remote, timed, total_timeout_s=0.5) < 0.8
    assert remote.count("deduct") <= 3


def test_retry_after_is_waited_for_if_there_is_time_and_else_told(remote: Remote) -> None:
    remote.balances[str(ALICE)] = 500
    remote.befalls("deduct", "rate_limited:1")
    assert asked(remote, lambda c: c.deduct(bet())) == Applied(400)

    remote.befalls("deduct", "rate_limited:60")
    with pytest.raises(LoyaltyUnavailable) as refused:
        asked(remote, lambda c: c.deduct(bet(key="spin-2-deduct")))
    assert refused.value.retry_after_s == 60
    assert remote.count("deduct") == 3


@pytest.mark.parametrize("shape", ["code", "nested"])
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("INSUFFICIENT_BALANCE", RemoteInsufficient),
        ("INVALID_USER", RemoteUnknownUser),
        ("IDEMPOTENCY_KEY_REUSE_MISMATCH", KeyMismatch),
        ("SOMETHING_NEW", RemoteRefusal),
    ],
)
def test_a_refusal_in_either_shape_is_not_asked_again(
    remote: Remote, shape: str, code: str, error: type[RemoteRefusal]
) -> None:
    remote.befalls("deduct", f"{shape}:{code}")

    with pytest.raises(error) as refused:
        asked(remote, lambda c: c.deduct(bet()))
    assert refused.value.code == code
    assert remote.count("deduct") == 1
    if isinstance(refused.value, RemoteInsufficient) and shape == "nested":
        assert refused.value.current == 7


@pytest.mark.parametrize("code", ["IDEMPOTENCY_KEY_REUSE_MISMATCH", "SOMETHING_NEW"])
def test_a_refusal_says_nothing_of_a_try_before_it_that_was_lost(remote: Remote, code: str) -> None:
    remote.balances[str(ALICE)] = 500
    remote.befalls("deduct", "drop_after", f"code:{code}")

    with pytest.raises(OutcomeUnknown, match=code):
        asked(remote, lambda c: c.deduct(bet()))
    assert remote.count("deduct") == 2


def test_too_few_points_prove_that_a_lost_try_took_nothing(remote: Remote) -> None:
    remote.befalls("deduct", "drop_before")

    with pytest.raises(RemoteInsufficient):
        asked(remote, lambda c: c.deduct(bet()))


def test_insufficient_says_what_there_is(remote: Remote) -> None:
    remote.balances[str(ALICE)] = 40

    with pytest.raises(RemoteInsufficient) as refused:
        asked(remote, lambda c: c.deduct(bet()))
    assert refused.value.current == 40


def test_a_duplicate_is_the_first_result(remote: Remote) -> None:
    remote.balances[str(ALICE)] = 33
    remote.befalls("deduct", "nested:DUPLICATE_TRANSACTION", "code:DUPLICATE_TRANSACTION")

    assert asked(remote, lambda c: c.deduct(bet())) == Applied(8)
    assert asked(remote, lambda c: c.deduct(bet())) == Applied(33)
    remote.befalls("deduct", "code:DUPLICATE_TRANSACTION")
    remote.befalls("balance", *["status:500"] * 3)
    with pytest.raises(OutcomeUnknown):
        asked(remote, lambda c: c.deduct(bet()))


def test_a_key_with_another_body_is_alarmed_and_never_repeated(
    remote: Remote, tries: list[Try], caplog: pytest.LogCaptureFixture
) -> None:
    remote.balances[str(ALICE)] = 500
    asked(remote, lambda c: c.deduct(bet()))

    with pytest.raises(KeyMismatch):
        asked(remote, lambda c: c.deduct(bet(101)))

    assert remote.count("deduct") == 2
    assert [each.levelname for each in caplog.records if "loyalty_key_mismatch" in each.getMessage()] == ["ERROR"]
    assert tries[-1].outcome == Outcome.KEY_MISMATCH


def test_one_token_serves_many_calls_and_one_renewal_all_that_wait(remote: Remote) -> None:
    async def many(client: LoyaltyClient) -> None:
        await asyncio.gather(*[client.balance(ALICE) for _ in range(30)])
        await asyncio.gather(*[client.balance(ALICE) for _ in range(30)])

    asked(remote, many)

    assert remote.tokens == 1
    assert remote.count("balance") == 60


def test_connections_are_kept_alive(remote: Remote) -> None:
    async def in_a_row(client: LoyaltyClient) -> None:
        for _ in range(20):
            await client.balance(ALICE)

    asked(remote, in_a_row)

    assert remote.connections == 1


def test_a_token_that_ends_soon_is_renewed_and_a_failed_renewal_does_no_harm(remote: Remote) -> None:
    remote.lives_s = 0.4  # renewed in the middle of its life

    async def later(client: LoyaltyClient) -> None:
        await client.balance(ALICE)
        loop = asyncio.get_running_loop()
        client._opened._tokens._renew_at = loop.time()
        remote.befalls("token", "status:500")
        client._opened._tokens._ends_at = loop.time() + 60
        await client.balance(ALICE)
        assert remote.tokens == 1
        await client.balance(ALICE)

    asked(remote, later)

    assert remote.tokens == 2


def test_after_a_401_one_other_token_is_asked_for(remote: Remote) -> None:
    async def told_off(client: LoyaltyClient) -> None:
        await client.balance(ALICE)
        remote.tokens += 1  # the first one is not the current one any more
        await asyncio.gather(*[client.balance(ALICE) for _ in range(10)])

    asked(remote, told_off)

    assert remote.count("token") == 2


def test_wrong_credentials_are_unavailable(remote: Remote) -> None:
    with pytest.raises(LoyaltyUnavailable):
        asked(remote, lambda c: c.deduct(bet()), client_secret="wrong")
    assert remote.count("deduct") == 0


def test_an_open_breaker_refuses_without_a_connection_and_closes_after_one_good_call(
    remote: Remote, tries: list[Try]
) -> None:
    breaker = own_breaker()
    remote.balances[str(ALICE)] = 500
    remote.befalls("deduct", *["status:500"] * 5)

    async def twice(client: LoyaltyClient) -> None:
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                await client.deduct(bet())

    asked(remote, twice, breaker=breaker)
    assert breaker.state == "open"
    before = remote.connections, remote.count("deduct")

    with pytest.raises(LoyaltyUnavailable) as refused:
        asked(remote, lambda c: c.deduct(bet()), breaker=breaker)
    assert (remote.connections, remote.count("deduct")) == before == (1, 5)
    assert 1 <= (refused.value.retry_after_s or 0) <= 30
    assert (tries[-1].outcome, breaker.room) == (Outcome.BREAKER_OPEN, 0)

    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=31)):
        assert breaker.room == 1
        assert asked(remote, lambda c: c.deduct(bet()), breaker=breaker) == Applied(400)
    assert breaker.state == "closed"
    assert breaker.room is None


def test_refusals_and_rate_limits_do_not_open_the_breaker(remote: Remote) -> None:
    breaker = own_breaker()
    remote.befalls("deduct", *["code:INSUFFICIENT_BALANCE"] * 6)

    async def often(client: LoyaltyClient) -> None:
        for _ in range(6):
            with pytest.raises(RemoteInsufficient):
                await client.deduct(bet())

    asked(remote, often, breaker=breaker)

    assert breaker.state == "closed"


def test_a_ledger_is_read_page_by_page(remote: Remote) -> None:
    remote.balances[str(ALICE)] = 500
    remote.page = 2

    async def read(client: LoyaltyClient) -> list[str]:
        for number in range(3):
            await client.deduct(bet(10, key=f"spin-{number}-deduct"))
        page = await client.ledger(ALICE, since=SINCE)
        rest = await client.ledger(ALICE, since=SINCE, cursor=page.next)
        assert rest.next is None
        return [entry.transaction_id for entry in (*page.entries, *rest.entries)]

    assert asked(remote, read) == [f"spin-{number}-deduct" for number in range(3)]


def test_links_are_begun_confirmed_and_looked_up(remote: Remote) -> None:
    async def linked(client: LoyaltyClient) -> Any:
        intent = await client.link_intent(ALICE, key="link-1-intent")
        confirmation = Confirmation(
            intent_id=intent.intent_id, member_id=MEMBER, user_id=ALICE, proof={"method": "code", "assertion": "s3cret"}
        )
        return intent, await client.link_confirm(confirmation, key="link-1-confirm"), await client.link_status(ALICE)

    intent, confirmed, status = asked(remote, linked)

    assert intent.link_code == "123"
    assert confirmed == status
    assert status.linked
    assert status.member_id == MEMBER
    assert remote.calls[2][2]["proof"] == {"method": "code", "assertion": "s3cret"}


def test_logs_hold_no_secret_no_token_and_no_person(remote: Remote, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    confirmation = Confirmation(
        intent_id="i-1", member_id=MEMBER, user_id=ALICE, proof={"method": "code", "assertion": "s3cret"}
    )
    remote.befalls("token", "status:500", "status:401")
    remote.befalls("deduct", "status:401", "drop_before", "garbage", "slow_before")
    remote.befalls("balance", *["garbage"] * 3)
    remote.befalls("confirm", *["drop_after"] * 3)

    async def work(client: LoyaltyClient) -> None:
        calls: list[Callable[[], Awaitable[Any]]] = [
            lambda: client.deduct(bet(), trace="r-9"),
            lambda: client.balance(ALICE, trace="r-9"),
            lambda: client.link_confirm(confirmation, key="k-9"),
        ]
        for call in calls:
            with pytest.raises((LoyaltyUnavailable, OutcomeUnknown)):
                await call()

    asked(remote, work)
    remote.plan.clear()
    remote.balances[str(ALICE)] = 500
    asked(remote, lambda c: c.deduct(bet(), trace="r-9"))

    assert "loyalty_call_failed" in caplog.text
    assert "r-9" in caplog.text
    secrets = (SECRET, "Bearer", "t-1", MEMBER, "s3cret")
    assert not [word for word in (*secrets, str(ALICE)) if word in caplog.text]
    assert not [word for word in secrets if word in repr((confirmation, config(remote)))]
