"""What the tables refuse, whoever writes."""

from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Role
from core.ids import new_id
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT = """
INSERT INTO compliance_limit (id, user_id, currency, "window", amount, is_pending, pending_amount, asked_at,
                              effective_at, confirm_by)
VALUES (%(id)s, %(user)s, %(currency)s, %(window)s, %(amount)s, %(waits)s, %(looser)s, %(asked)s,
        %(asked)s::timestamptz + %(wait)s::interval, %(asked)s::timestamptz + %(confirm)s::interval)
"""
SOUND = {
    "currency": "POINT", "window": "24h", "amount": 1000, "waits": True, "looser": 2000,
    "asked": "2026-03-28T12:00Z", "wait": "24 hours", "confirm": "192 hours",
}  # fmt: skip
BREAK = """
INSERT INTO compliance_break (id, user_id, kind, until) VALUES (%(id)s, %(user)s, %(kind)s,
        core_now() + %(after)s::interval)
"""
POLICY = """
INSERT INTO compliance_policyversion (id, number, region, slots, wheel, minimum_age, reason)
VALUES (%(id)s, %(number)s, %(region)s, true, true, %(age)s, %(reason)s)
"""
TERMS = """
INSERT INTO compliance_terms (id, version, title, text, digest)
VALUES (%(id)s, %(version)s, 'Terms', 'Be kind.', sha256(%(of)s))
"""
ACCEPTED = "INSERT INTO compliance_termsacceptance (id, user_id, version) VALUES (%(id)s, %(user)s, %(version)s)"
CASE = """
INSERT INTO compliance_agecase (id, user_id, state, why, decided_at)
VALUES (%(id)s, %(user)s, %(state)s, %(why)s, %(decided)s)
"""
DECISION = """
INSERT INTO compliance_agedecision (id, user_id, outcome, by, actor_id, reason, policy_version)
VALUES (%(id)s, %(user)s, %(outcome)s, %(by)s, %(actor)s, %(reason)s, '1')
"""
MARKER = """
INSERT INTO compliance_marker (id, kind, user_id, subject, facts, count, state, closed_by_id, closed_at, reason)
VALUES (%(id)s, %(kind)s, %(about)s, 'a', '{}', %(count)s, %(state)s, %(closer)s, %(closed)s, %(reason)s)
"""
INHERITED = "INSERT INTO compliance_inheritedexclusion (id, email_hash, until) VALUES (%(id)s, %(hash)s, %(until)s)"


def run(sql: str, **params: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params or None)


def refused(sql: str, **params: Any) -> str:
    """The name of what refuses the statement, or the trigger's text."""
    with pytest.raises(IntegrityError) as caught:
        run(sql, **params)
    cause: Any = caught.value.__cause__
    return cause.diag.constraint_name or str(cause.diag.message_primary)


@pytest.fixture
def user() -> UUID:
    return person().pk


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"currency": "GOLD"}, "compliance_limit_currency_known"),
        ({"window": "1h"}, "compliance_limit_window_known"),
        ({"amount": 0}, "compliance_limit_amounts_in_range"),
        ({"looser": 1_000_000_001}, "compliance_limit_amounts_in_range"),
        ({"waits": False}, "compliance_limit_pending_is_whole"),
        ({"asked": None}, "compliance_limit_pending_is_whole"),
        ({"wait": "23 hours"}, "compliance_limit_pending_waits"),
        ({"confirm": "193 hours"}, "compliance_limit_pending_waits"),
        ({"looser": 999}, "compliance_limit_pending_is_looser"),
        ({"amount": None}, "compliance_limit_pending_is_looser"),
    ],
)
def test_a_limit_that_waits_is_looser_and_waits_a_day(user: UUID, change: dict[str, Any], constraint: str) -> None:
    assert refused(LIMIT, id=new_id(), user=user, **SOUND | change) == constraint


def test_a_user_has_one_limit_for_each_currency_and_window(user: UUID) -> None:
    run(LIMIT, id=new_id(), user=user, **SOUND)
    run(LIMIT, id=new_id(), user=user, **SOUND | {"window": "7d", "looser": None})
    run(LIMIT, id=new_id(), user=user, **SOUND | {"currency": "TOKEN"})

    assert refused(LIMIT, id=new_id(), user=user, **SOUND) == "compliance_limit_once"


def test_a_time_out_ends_and_an_exclusion_need_not(user: UUID) -> None:
    run(BREAK, id=new_id(), user=user, kind="exclusion", after=None)
    run(BREAK, id=new_id(), user=user, kind="time_out", after="24 hours")

    endless = refused(BREAK, id=new_id(), user=user, kind="time_out", after=None)
    backwards = refused(BREAK, id=new_id(), user=user, kind="exclusion", after="-1 second")
    unknown = refused(BREAK, id=new_id(), user=user, kind="holiday", after="24 hours")
    assert endless == "compliance_break_time_out_ends"
    assert (backwards, unknown) == ("compliance_break_ends_after_start", "compliance_break_kind_known")


def test_an_inherited_exclusion_is_never_shortened_or_deleted() -> None:
    named = new_id()
    run(INHERITED, id=named, hash=b"h" * 32, until="2030-01-01T00:00Z")
    change = "UPDATE compliance_inheritedexclusion SET until = %(until)s WHERE id = %(id)s"

    assert "shortened" in refused(change, id=named, until="2029-12-31T00:00Z")
    run(change, id=named, until="2031-01-01T00:00Z")
    run(change, id=named, until=None)
    assert "shortened" in refused(change, id=named, until="2099-01-01T00:00Z")
    assert "append-only" in refused("DELETE FROM compliance_inheritedexclusion")
    short = refused(INHERITED, id=new_id(), hash=b"h" * 31, until=None)
    assert short == "compliance_inheritedexclusion_hash_is_whole"


def test_terms_have_the_digest_of_their_text_and_are_accepted_once(user: UUID) -> None:
    run(TERMS, id=new_id(), version=7, of=b"Be kind.")
    run(ACCEPTED, id=new_id(), user=user, version=7)

    assert refused(TERMS, id=new_id(), version=8, of=b"Be cruel.") == "compliance_terms_digest_is_of_text"
    assert refused(TERMS, id=new_id(), version=0, of=b"Be kind.") == "compliance_terms_from_version_1"
    assert refused(ACCEPTED, id=new_id(), user=user, version=7) == "compliance_termsacceptance_once"
    with pytest.raises(IntegrityError, match="foreign key"):
        run(ACCEPTED, id=new_id(), user=user, version=99)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"number": 0}, "compliance_policy_from_number_1"),
        ({"region": ""}, "compliance_policy_names_a_region"),
        ({"age": 17}, "compliance_policy_minimum_age"),
        ({"age": 100}, "compliance_policy_minimum_age"),
        ({"reason": ""}, "compliance_policy_has_a_reason"),
    ],
)
def test_a_policy_names_region_age_and_reason(change: dict[str, Any], constraint: str) -> None:
    sound = {"number": 99, "region": "X", "age": 21, "reason": "Law"}
    run(POLICY, id=new_id(), **sound | {"number": 98})

    assert refused(POLICY, id=new_id(), **sound | change) == constraint


def test_an_age_case_is_decided_at_a_time_and_by_somebody(user: UUID) -> None:
    sound = {"user": user, "state": "pending", "why": "new", "decided": None}
    lost = refused(CASE, id=new_id(), **sound | {"state": "lost", "decided": "2026-01-01T00:00Z"})
    assert lost == "compliance_agecase_state_known"
    assert refused(CASE, id=new_id(), **sound | {"why": "mood"}) == "compliance_agecase_why_known"
    undated = refused(CASE, id=new_id(), **sound | {"state": "verified"})
    assert undated == "compliance_agecase_decided_has_a_time"
    run(CASE, id=new_id(), **sound)
    assert "user_id" in refused(CASE, id=new_id(), **sound), "one case a user"

    staff = person(role=Role.SUPPORT).pk
    sound = {"user": user, "outcome": "verified", "by": "staff", "actor": staff, "reason": "Seen"}
    run(DECISION, id=new_id(), **sound)
    assert refused(DECISION, id=new_id(), **sound | {"outcome": "pending"}) == "compliance_agedecision_outcome"
    assert refused(DECISION, id=new_id(), **sound | {"actor": None}) == "compliance_agedecision_staff_is_named"
    assert refused(DECISION, id=new_id(), **sound | {"by": "provider"}) == "compliance_agedecision_staff_is_named"
    assert refused(DECISION, id=new_id(), **sound | {"reason": ""}) == "compliance_agedecision_has_a_reason"


def test_the_dates_of_a_decision_are_erased_but_never_changed(user: UUID) -> None:
    decision = new_id()
    run(DECISION, id=decision, user=user, outcome="verified", by="provider", actor=None, reason="Found")
    run("INSERT INTO compliance_agedate (decision_id, new) VALUES (%(id)s, '1990-01-01')", id=decision)

    assert "never changed" in refused("UPDATE compliance_agedate SET new = '1980-01-01'")
    run("DELETE FROM compliance_agedate")


def test_one_marker_of_a_kind_is_open_and_is_closed_with_a_reason(user: UUID) -> None:
    sound = {"kind": "rapid_play", "about": user, "count": 1, "state": "open", "closer": None, "closed": None}
    run(MARKER, id=new_id(), reason="", **sound)
    run(MARKER, id=new_id(), reason="", **sound | {"about": None})

    assert refused(MARKER, id=new_id(), reason="", **sound) == "compliance_marker_open_once"
    assert refused(MARKER, id=new_id(), reason="", **sound | {"about": None}) == "compliance_marker_open_once"
    assert refused(MARKER, id=new_id(), reason="", **sound | {"kind": "hunch"}) == "compliance_marker_kind_known"
    assert refused(MARKER, id=new_id(), reason="", **sound | {"count": 0}) == "compliance_marker_counts_from_1"
    closed = sound | {"state": "closed", "closer": user, "closed": "2026-01-01T00:00Z"}
    run(MARKER, id=new_id(), reason="Spoke to them", **closed)
    assert refused(MARKER, id=new_id(), reason="", **closed) == "compliance_marker_closed_by_somebody"
    unnamed = closed | {"closer": None}
    assert refused(MARKER, id=new_id(), reason="Done", **unnamed) == "compliance_marker_closed_by_somebody"


@pytest.mark.parametrize(
    "table", ["limitchange", "break", "terms", "termsacceptance", "policyversion", "agedecision", "refusal"]
)
def test_records_are_append_only(table: str) -> None:
    for change in ("UPDATE compliance_{} SET id = id", "DELETE FROM compliance_{}", "TRUNCATE compliance_{} CASCADE"):
        assert "append-only" in refused(change.format(table))
