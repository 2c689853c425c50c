"""What endpoints read: every field is a strict one, which never converts, and never echoes what it refuses."""

from collections.abc import Iterator

import pytest
from rest_framework import serializers

import xxxchat.urls  # noqa: F401  every endpoint is there once the addresses are
from core.api import Endpoint
from core.fields import Digits, StrictBool, StrictChar, StrictChoice, StrictDate, StrictInt, StrictUUID
from core.shapes import METHODS, by_method

STRICT = (StrictBool, StrictChar, StrictChoice, StrictDate, StrictInt, StrictUUID)
OF_TEXT = (*STRICT, Digits, serializers.BooleanField, serializers.DateTimeField)
"""In a query string everything is text."""
JUDGED_BY_ITS_ENDPOINT = {
    ("SubmitItem", "metadata"),  # facts of another feature: their shape is looked at
    ("ConfirmLink", "proof"),  # a text, or a method and an assertion, each strict
    ("PaytableDraft", "table"),  # rules, of which every member is checked (slots.draw.parse)
    *(
        ("PaymentWebhook", name) for name in ("orderId", "userId", "packageId", "amount", "disputeId")
    ),  # of an event we do not know
}
Field = tuple[str, str, serializers.Field, tuple[type, ...]]


def endpoints(base: type[Endpoint] = Endpoint) -> Iterator[type[Endpoint]]:
    for each in base.__subclasses__():
        yield each
        yield from endpoints(each)


def fields() -> Iterator[Field]:
    """Endpoint, path of the field, field, what it may be."""
    for endpoint in endpoints():
        for method in METHODS:
            for declared, allowed in ((endpoint.Input, STRICT), (endpoint.Query, OF_TEXT)):
                form = by_method(declared, method)
                if form is not None:
                    yield from inside(endpoint.__name__, "", form(), allowed)


def inside(endpoint: str, path: str, field: serializers.Field, allowed: tuple[type, ...]) -> Iterator[Field]:
    if isinstance(field, serializers.Serializer):
        for name, each in field.fields.items():
            yield from inside(endpoint, f"{path}.{name}".lstrip("."), each, allowed)
    elif isinstance(field, serializers.ListSerializer | serializers.ListField) and field.child is not None:
        yield from inside(endpoint, f"{path}[]", field.child, allowed)
    else:
        yield endpoint, path, field, allowed


def test_every_field_of_every_endpoint_is_strict() -> None:
    found = list(fields())
    loose = {(endpoint, path) for endpoint, path, field, allowed in found if not isinstance(field, allowed)}

    assert len(found) > 60
    assert loose - JUDGED_BY_ITS_ENDPOINT == set()
    assert loose >= JUDGED_BY_ITS_ENDPOINT


@pytest.mark.parametrize("given", ["\ud800", "other", "a\x00", "", 1, True, None, ["a"], {"a": 1}])
def test_a_choice_is_one_of_its_values_and_the_refusal_does_not_repeat_what_was_given(given: object) -> None:
    field = StrictChoice(choices=["a", "1", "True"])

    with pytest.raises(serializers.ValidationError) as refused:
        field.run_validation(given)

    message = next(str(each) for each in refused.value.detail)
    assert message in ("One of a, 1, True is needed.", "This field may not be null.")


def test_a_choice_is_taken() -> None:
    assert StrictChoice(choices=["a", "b"]).run_validation("a") == "a"
