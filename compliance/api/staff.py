"""What staff see and decide: ages, refusals, breaks, limits, and the policies of regions. Commands without a key."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from accounts.models import SUPPORT_ROLES, Role
from compliance import services, shapes
from compliance.models import Break, Limit, Refusal
from compliance.models.ages import AgeState
from compliance.models.places import MAX_AGE, MIN_AGE
from core.api import Endpoint
from core.db import command
from core.errors import NotFound
from core.fields import Body, Name, Page, StrictBool, StrictChar, StrictDate, StrictEnum, StrictInt, StrictUUID

READERS = frozenset({*SUPPORT_ROLES, Role.AUDITOR})
POLICY_ROLES = frozenset({Role.GAMES, Role.ADMIN})


class VerificationQuery(Page):
    state = StrictEnum(AgeState, required=False)


class VerificationList(Endpoint):
    """List whose age is or was to be decided, newest first."""

    roles, Query, Output = READERS, VerificationQuery, shapes.VerificationsOut

    def get(self, request: Request) -> HttpResponse:
        return self.page(services.age_cases().filter(**_narrowed(self.query, state="state")))


class VerificationIn(Body):
    dateOfBirth = StrictDate(source="date_of_birth", required=False)
    reason = StrictChar(max_length=500)


class VerifyAge(Endpoint):
    """Decide that a user's age is proven; a date of birth replaces the account's.

    Not keyed: each decision is one more record. It holds from the next spin on.
    """

    roles, Input, Output, verifies = SUPPORT_ROLES, VerificationIn, shapes.VerificationOut, True
    refuses = (NotFound,)

    def post(self, request: Request, user_id: UUID) -> HttpResponse:
        decided = command(
            lambda: services.decide_age(user_id=user_id, verified=self.verifies, actor=self.actor, **self.data)
        )
        return self.answer(decided)


class RejectAge(VerifyAge):
    """Decide that a user's age is not proven: they can neither play nor buy until another decision."""

    verifies = False


class RefusalQuery(Page):
    userId = StrictUUID(required=False)
    code = Name(required=False)


class RefusalList(Endpoint):
    """List what the gates refused, newest first."""

    roles, Query, Output = READERS, RefusalQuery, shapes.RefusalsOut

    def get(self, request: Request) -> HttpResponse:
        return self.page(Refusal.objects.filter(**_narrowed(self.query, userId="user_id", code="code")))


class OfUserQuery(Page):
    userId = StrictUUID(required=False)


class OfUsers(Endpoint):
    """Rows of all users, or of one."""

    roles, Query = READERS, OfUserQuery
    rows: QuerySet[Any]

    def get(self, request: Request) -> HttpResponse:
        return self.page(self.rows.filter(**_narrowed(self.query, userId="user_id")))


class ExclusionList(OfUsers):
    """List time-outs and self-exclusions, those that ended too, newest first."""

    Output, rows = shapes.ExclusionsOut, Break.objects.all()


class UserLimitList(OfUsers):
    """List the limits that users have set, newest first."""

    Output, rows = shapes.UserLimitsOut, Limit.objects.all()


class RegionPolicy(Endpoint):
    """The policy of a region."""

    roles, Output = POLICY_ROLES, shapes.PolicyOut

    class PolicyIn(Body):
        slots = StrictBool()
        wheel = StrictBool()
        minimumAge = StrictInt(source="minimum_age", min_value=MIN_AGE, max_value=MAX_AGE)
        reason = StrictChar(max_length=500)

    Input = {"PUT": PolicyIn}

    def get(self, request: Request, region: str) -> HttpResponse:
        """Show the policy of a region that is in force."""
        return self.answer(services.policy_of(region))

    def put(self, request: Request, region: str) -> HttpResponse:
        """Give a region another policy, or its first: one more version, in force from the next spin on."""
        return self.answer(command(lambda: services.set_policy(region=region, author=self.actor, **self.data)))


def _narrowed(query: dict[str, Any], **columns: str) -> dict[str, Any]:
    """Return the filters of those parameters that were sent."""
    return {column: query[name] for name, column in columns.items() if name in query}
