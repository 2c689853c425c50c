"""What the description of the API says of the API as a whole: title, server, tags, ways to sign in."""

from typing import Any

TAGS = {
    "accounts": ("accounts", "Sign in by name and password, and see who is signed in."),
    "escrow": ("wallet", "Balances, holds and entries; token packages, payouts, and the payment provider's events."),
    "loyalty": ("loyalty", "The link to a membership of RedRoomRewards, and its events."),
    "compliance": ("limits", "Limits, exclusions and terms."),
    "perfqueue": ("queue", "Performers, their queues, and the items in them; holds and intake for service accounts."),
    "menus": ("menus", "What performers offer, and buying it."),
    "slots": ("slot-machine", "Spins, their proofs, and the paytable."),
    "staff": ("staff", "Refunds, grants, corrections, approvals and payouts."),
}
"""By app: the tag of its operations and its description. What only staff may call has a tag of its own."""

DESCRIPTION = """\
Slot machine, performer menus, performance queue and the escrow under them.

Amounts are whole tokens or points, times are UTC in ISO 8601 with `Z`, ids are UUIDs. Every refusal has one envelope
with a stable code; nothing was written then. Commands that move money are keyed: a repeated request with the same
`Idempotency-Key` gets the first answer and has no second effect.
"""
SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of `POST /auth/token`.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "The session of a person who signed in on the site.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRFToken",
        "description": "The value of the cookie `csrftoken`; needed to write in a session.",
    },
}


def described(site: str) -> dict[str, Any]:
    """The settings of drf-spectacular. `site` is the product's name."""
    return {
        "OAS_VERSION": "3.1.0",
        "TITLE": f"{site} interactive features",
        "DESCRIPTION": DESCRIPTION,
        "VERSION": "1",
        "CONTACT": {"name": f"The operators of {site}"},
        "SERVERS": [{"url": "/api/v1", "description": "The server that this description came from"}],
        "SCHEMA_PATH_PREFIX": "/api/v1",
        "SCHEMA_PATH_PREFIX_TRIM": True,
        "SERVE_INCLUDE_SCHEMA": False,
        "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
        "ENUM_SUFFIX": "",
        "ENUM_NAME_OVERRIDES": {
            "ApprovalKind": "escrow.models.ApprovalKind",
            "HoldStatus": "escrow.models.HoldStatus",
            "LedgerOperation": "escrow.models.OperationKind",
            "ItemState": "perfqueue.models.State",
            "PresenceState": "perfqueue.models.Presence",
        },
        "GET_LIB_DOC_EXCLUDES": "core.schema.bases_without_description",
        "POSTPROCESSING_HOOKS": [
            "drf_spectacular.hooks.postprocess_schema_enums",
            "xxxchat.examples.with_examples",
        ],
        "SORT_OPERATION_PARAMETERS": False,
        "TAGS": [{"name": name, "description": description} for name, description in TAGS.values()],
        "APPEND_COMPONENTS": {"securitySchemes": SECURITY},
        "SWAGGER_UI_DIST": "SIDECAR",
        "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    }
