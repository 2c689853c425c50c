"""A link covers a record's canonical JSON: sorted keys, no white space, in UTF-8, as stored links were made of it."""

import hashlib
import json
from typing import Any
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from slots.chain import link

HEAD = bytes(32)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=70)
WHOLE = st.integers(0, 2**63 - 1)
RECORDS = st.fixed_dictionaries(
    {"id": st.uuids(), "nonce": WHOLE, "client_seed": TEXT, "symbols": st.lists(TEXT, min_size=3, max_size=3)},
    optional={"performer_id": st.none() | st.uuids(), "client_nonce_drawn": st.booleans(), "balance_after": WHOLE},
)


def canonical(record: dict[str, Any]) -> bytes:
    """The canonical form, by the standard library."""
    plain = {name: str(value) if isinstance(value, UUID) else value for name, value in record.items()}
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@given(record=RECORDS)
@example(record={"client_seed": '\x01\x1f\x7f\u2028\u2029\\"/🎰é'})
def test_a_link_is_of_the_canonical_record(record: dict[str, Any]) -> None:
    assert link(HEAD, record) == hashlib.sha256(HEAD + canonical(record)).digest()
