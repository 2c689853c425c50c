"""What of a spin goes to a batch: bodies that the endpoint's serializer accepts, with the same values."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.ids import new_id
from slots.api.play import Spin
from slots.batched import MEMBERS, SPINS, plain
from slots.services import SpinInput
from slots.tests.factories import SPIN
from slots.tests.test_refusals import BAD_BODIES

PATH: Any = SPINS.path.match(SPIN)
HEX = st.binary(max_size=40).map(bytes.hex) | st.text("0123456789abcdefABCDEF", max_size=66)
VALUES = {
    "betAmount": st.integers() | st.sampled_from([0, 1, 100, 10**9, 10**9 + 1]),
    "commitment": HEX | st.binary(min_size=32, max_size=32).map(bytes.hex),
    "paytableDigest": HEX | st.binary(min_size=32, max_size=32).map(bytes.hex),
    "clientNonce": HEX | st.binary(min_size=16, max_size=16).map(bytes.hex),
    "clientSeed": st.text(st.characters(), max_size=70),
    "performerId": st.uuids().map(str) | st.uuids().map(lambda each: each.hex),
}
OPTIONAL = {name: each for name, each in VALUES.items() if name != "betAmount"}
JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70) | st.lists(st.none(), max_size=2)
BODIES = st.one_of(
    st.fixed_dictionaries({}, optional=VALUES),
    st.fixed_dictionaries({"betAmount": st.just(100)}, optional=OPTIONAL),
    st.fixed_dictionaries({"betAmount": st.just(100)}, optional={name: each | JUNK for name, each in OPTIONAL.items()}),
    st.dictionaries(st.sampled_from(sorted(MEMBERS)) | st.text(max_size=12), JUNK, max_size=4),
)


def parsed(body: dict[str, Any]) -> SpinInput | None:
    """What the ordinary endpoint makes of it; None: it is refused."""
    serializer = Spin.Input(data=dict(body))
    return SpinInput(**serializer.validated_data) if serializer.is_valid() else None


@given(body=BODIES)
@example(body={"betAmount": 100, "clientSeed": "a\u2028b"})
@example(body={"betAmount": 100, "clientSeed": "\ud800"})
@example(body={"betAmount": 100, "clientNonce": "00" * 16 + "\n"})
@example(body={"betAmount": 100, "performerId": f"{new_id()}\n"})
@example(body={"betAmount": True})
def test_what_is_plain_is_what_the_endpoint_makes_of_it(body: dict[str, Any]) -> None:
    found = plain(body, PATH)

    assert found is None or found == parsed(body)


@pytest.mark.parametrize("body", BAD_BODIES, ids=[str(number) for number in range(len(BAD_BODIES))])
def test_a_bad_body_is_not_plain(body: dict[str, Any]) -> None:
    assert plain(body, PATH) is None


@pytest.mark.parametrize(
    "body",
    [
        {"betAmount": 100},
        {"betAmount": 100, "clientNonce": "0F" * 16, "clientSeed": ""},
        {"betAmount": 7, "clientSeed": "🎰 mine", "performerId": str(new_id()).upper()},
        {"betAmount": 100, "commitment": "ab" * 32, "paytableDigest": "AB" * 32},
    ],
)
def test_ordinary_bodies_are_plain(body: dict[str, Any]) -> None:
    assert plain(body, PATH) == parsed(body) is not None


@pytest.mark.parametrize("path", [f"{SPIN}/", f"{SPIN}\n", f"/{SPIN}", SPIN.upper(), "/api/v1/slot-machine/spins"])
def test_another_address_is_not_the_spins(path: str) -> None:
    assert SPINS.path.match(path) is None
