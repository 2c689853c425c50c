"""What the gates check of a user: loaded for a list of users in one statement, after the locks of their commands."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from accounts.services import Caller
from core.batches import Row, Statement, run_statement
from core.db import array

LOAD = """
SELECT * FROM compliance_load(p_user_ids => %(users)s, p_regions => %(regions)s, p_currency => %(currency)s,
                              p_amounts => %(amounts)s)
"""
ACCOUNT = len(Caller.__dataclass_fields__)


class Standing(NamedTuple):
    """A user's account and what bars or limits them at `now`: a row of `compliance_load`.

    `excluded_until` null with `is_excluded`: for good. `policy_version`, `slots`, `wheel`, `minimum_age`: the policy of
    `region`, null without one. The limits are the user's own in the currency of the command, null without one. What was
    spent, spins left out, and when a window has room for the amount, are null without any limit or amount.
    """

    caller: Caller
    now: datetime
    date_of_birth: date | None
    is_rejected: bool
    is_excluded: bool
    excluded_until: datetime | None
    timed_out_until: datetime | None
    region: str | None
    policy_version: int | None
    slots: bool | None
    wheel: bool | None
    minimum_age: int | None
    current_terms: int
    day_limit: int | None
    week_limit: int | None
    month_limit: int | None
    day_spent: int | None = None
    week_spent: int | None = None
    month_spent: int | None = None
    day_frees_at: datetime | None = None
    week_frees_at: datetime | None = None
    month_frees_at: datetime | None = None


def standing_of(
    asked: Sequence[tuple[UUID, str | None]], *, currency: str | None, amounts: Sequence[int] | None = None
) -> Statement:
    """Return the statement that reads what the gates check of each user in their region; rows are for `standings`.

    `currency`: of the limits; None: without them. `amounts`: what each is about to spend of it. Send it after the
    statements that lock: it sees what those waited for.
    """
    users, regions = zip(*asked, strict=True)
    params = {
        "users": array(users),
        "regions": array(regions),
        "currency": None if currency is None else str(currency),
        "amounts": None if amounts is None else array(amounts),
    }
    return Statement(LOAD, params)


def standings(found: Sequence[Row]) -> list[Standing | None]:
    """Return the standings of `standing_of`'s rows, in its order; None for a user who does not exist."""
    return [None if row[0] is None else Standing(Caller(*row[:ACCOUNT]), *row[ACCOUNT:]) for row in found]


def standing(user_id: UUID, *, region: str | None, currency: str) -> Standing | None:
    """Return what the gates check of one user (one statement)."""
    return standings(run_statement(standing_of([(user_id, region)], currency=currency)))[0]
