"""Linking one's account to a membership of RedRoomRewards. Commands without a key, which move no points."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import Role
from core.api import Endpoint
from core.errors import NotFound
from core.fields import Body, Name, StrictChar, StrictUUID
from loyalty import services, shapes
from loyalty.errors import AlreadyLinked, CodeRunOut, LoyaltyUnavailable, MemberTaken

MAX_PROOF_CHARS = 200


class LinkPoints(Endpoint):
    """The link of one's account to a membership of RedRoomRewards. 404 where points do not live there."""

    roles = (Role.USER,)
    Output = {"GET": shapes.LinkOut, "POST": shapes.LinkIntentOut}
    refuses = {"GET": (NotFound,), "POST": (NotFound, AlreadyLinked, LoyaltyUnavailable)}

    def get(self, request: Request) -> HttpResponse:
        """Show whether one's account is linked, and to which membership."""
        services.assert_remote()
        return self.answer(services.link_of(self.actor.pk))

    def post(self, request: Request) -> HttpResponse:
        """Begin to link: a code that is typed in RedRoomRewards, and until when it is good.

        Not keyed: each answer has a code of its own, and earlier ones stay good.
        """
        return self.answer(services.start_link(user_id=self.actor.pk))


class ProofIn(Body):
    method = Name()
    assertion = StrictChar(max_length=MAX_PROOF_CHARS)


@extend_schema_field(
    {
        "oneOf": [
            {
                "type": "object",
                "required": ["method", "assertion"],
                "properties": {
                    "method": {"type": "string", "minLength": 1, "maxLength": 128},
                    "assertion": {"type": "string", "minLength": 1, "maxLength": MAX_PROOF_CHARS},
                },
                "additionalProperties": False,
            },
            {"type": "string", "minLength": 1, "maxLength": MAX_PROOF_CHARS},
        ]
    }
)
class ProofField(serializers.Field):
    """What RedRoomRewards shows for the code: its text, or a method and its assertion."""

    def to_internal_value(self, data: Any) -> services.Proof:
        if isinstance(data, dict):
            return services.Proof(**ProofIn().run_validation(data))
        return services.Proof(services.SHOWN_CODE, StrictChar(max_length=MAX_PROOF_CHARS).run_validation(data))


class ConfirmLink(Endpoint):
    """Link a membership to one's account, with the proof that RedRoomRewards shows for the code.

    Not keyed: what was confirmed is answered again. A proof that is not taken is 400 with `details.proof`, and the code
    stays good. A membership that is another account's, and a code that has run out, are 409.
    """

    roles = (Role.USER,)
    Output = shapes.LinkOut
    refuses = (NotFound, AlreadyLinked, MemberTaken, CodeRunOut, LoyaltyUnavailable)

    class Input(Body):
        intentId = StrictUUID(source="intent_id")
        memberId = Name(source="member_id")
        proof = ProofField()

    def post(self, request: Request) -> HttpResponse:
        return self.answer(services.confirm_link(user_id=self.actor.pk, **self.data))
