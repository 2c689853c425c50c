"""Links: an intent, a confirmation with a proof, and one member for one user, both ways."""

from datetime import UTC, datetime

from loyalty.tests.contract.caller import Answered, Caller, fresh


def intent(caller: Caller, user_id: str) -> str:
    answer = caller.post("/links/intents", {"clientUserId": user_id})
    assert answer.status == 200, answer
    return str(answer.body["intentId"])


def confirm(caller: Caller, user_id: str, *, proof: str | None = None) -> Answered:
    """Confirm that the new member is this user's."""
    given = caller.given
    fields = {
        "intentId": intent(caller, user_id),
        "memberId": given.new_member_id,
        "clientUserId": user_id,
        "proof": {"method": given.proof_method, "assertion": given.proof if proof is None else proof},
    }
    return caller.post("/links/confirm", fields)


def status(caller: Caller, user_id: str) -> dict[str, object]:
    answer = caller.get("/links/status", clientUserId=user_id)
    assert answer.status == 200, answer
    return answer.body


def test_an_intent_has_a_code_with_an_end(caller: Caller) -> None:
    body = caller.post("/links/intents", {"clientUserId": caller.given.new_user_id}).body

    assert set(body) >= {"intentId", "linkCode", "expiresAt"}
    assert body["linkCode"]
    assert datetime.fromisoformat(body["expiresAt"]) > datetime.now(UTC)


def test_a_wrong_proof_links_nobody(caller: Caller) -> None:
    user_id = fresh("user")

    answer = confirm(caller, user_id, proof="000000")

    assert 400 <= answer.status < 500
    assert status(caller, user_id)["linked"] is False


def test_a_proven_member_is_linked_to_one_user_and_the_user_to_one_member(caller: Caller) -> None:
    given = caller.given

    answer = confirm(caller, given.new_user_id)
    other_user = confirm(caller, fresh("user"))
    other_member = confirm(caller, given.user_id)

    assert (answer.status, answer.body["linked"]) == (200, True)
    assert datetime.fromisoformat(answer.body["linkedAt"]) <= datetime.now(UTC)
    assert 400 <= other_user.status < 500
    assert 400 <= other_member.status < 500
    linked = status(caller, given.new_user_id)
    assert (linked["linked"], linked["memberId"]) == (True, given.new_member_id)
    assert status(caller, given.user_id)["memberId"] != given.new_member_id
    assert caller.balance(given.new_user_id) >= 0


def test_a_confirmation_needs_an_intent_of_this_user(caller: Caller) -> None:
    given, user_id = caller.given, fresh("user")
    fields = {
        "intentId": intent(caller, fresh("somebody-else")),
        "memberId": given.new_member_id,
        "clientUserId": user_id,
        "proof": {"method": given.proof_method, "assertion": given.proof},
    }

    answer = caller.post("/links/confirm", fields)

    assert 400 <= answer.status < 500
    assert status(caller, user_id)["linked"] is False
