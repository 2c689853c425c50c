"""What the gates of other apps read of links, as statements over lists."""

from collections.abc import Sequence
from uuid import UUID

from core.batches import Statement
from core.db import array

LINKED = """
SELECT l.user_id FROM loyalty_link l WHERE l.user_id = ANY (%(users)s::uuid[]) AND l.unlinked_at IS NULL
"""


def linked_of(user_ids: Sequence[UUID]) -> Statement:
    """Return the statement that reads which of these users are linked: a row of one id each."""
    return Statement(LINKED, {"users": array(user_ids)})
