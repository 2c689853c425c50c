"""Bodies nobody should send: the envelope, the right code, nothing written."""

from collections.abc import Callable

import pytest

from accounts.models import User
from core.parsing import MAX_BODY_BYTES
from perfqueue import services
from tests.hostile.asking import code, nothing_written, send, song_of
from tests.world import buy, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)

Target = tuple[User, str, str]
NO_ID = "01890000-0000-7000-8000-000000000000"


def purchase() -> Target:
    return person(tokens=1_000, points=1_000), f"menus/items/{song_of(performer()).pk}/purchase", "expectedPrice"


def spin() -> Target:
    return person(tokens=1_000, points=1_000), "slot-machine/spin", "betAmount"


def finish() -> Target:
    ruby = performer()
    item = buy(person(tokens=100), ruby, 100)
    services.start(item_id=item.id, actor=ruby)
    return ruby, f"queue/items/{item.id}/finish", "settleTokens"


def bulk() -> Target:
    item = buy(person(tokens=100), performer(), 100)
    return staff(), "admin/queue/refunds", str(item.id)


def leave() -> Target:
    alice = person(tokens=100)
    return alice, f"queue/items/{buy(alice, performer(), 100).id}/leave", ""


TARGETS: dict[str, Callable[[], Target]] = {
    "purchase": purchase,
    "spin": spin,
    "finish": finish,
    "bulk": bulk,
    "leave": leave,
}
NO_JSON = {
    "nothing but a brace": b"{",
    "single quotes": b"{'a': 1}",
    "two objects": b"{} {}",
    "a NUL byte": b'{"a": "\x00"}',
    "NUL alone": b"\x00",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "Latin-1": '{"a": "\xe9"}'.encode("latin-1"),
    "UTF-16": "{}".encode("utf-16"),
    "not a number": b'{"a": NaN}',
    "infinity": b'{"a": Infinity}',
    "minus infinity": b'{"a": -Infinity}',
    "a member twice": b'{"a": 1, "a": 1}',
    "33 levels": b'{"a":' * 33 + b"1" + b"}" * 33,
    "a thousand levels": b"[" * 1_000 + b"]" * 1_000,
    "brackets without end": b"[" * 500_000,
    "quotes without end": b'{"a": "' + b'\\"' * 400_000,
    "a form": b"expectedPrice=40",
    "XML": b"<a/>",
}
NO_OBJECT = {
    "an array": b"[]",
    "an array of objects": b"[{}]",
    "null": b"null",
    "true": b"true",
    "a string": b'"expectedPrice"',
    "a number": b"40",
    "a huge float": b"1e400",
}
UNKNOWN = {
    "an unknown member": b'{"x": 1}',
    "a lone surrogate as a name": b'{"\\ud800": 1}',
    "NUL in a name": b'{"a\\u0000": 1}',
    "a very long name": b'{"' + b"a" * 100_000 + b'": 1}',
    "a thousand names": b"{" + b",".join(b'"n%d": 1' % n for n in range(1_000)) + b"}",
    "another spelling": b'{"ExpectedPrice": 40, "BetAmount": 100, "SettleTokens": 1, "Ids": []}',
    "a prototype": b'{"__proto__": {"role": "admin"}}',
}


@pytest.mark.parametrize("endpoint", TARGETS)
def test_what_is_no_json_is_refused(endpoint: str) -> None:
    user, path, _ = TARGETS[endpoint]()

    with nothing_written():
        for name, raw in NO_JSON.items():
            assert code(send(user, path, raw)) == (400, "INVALID_JSON"), name


@pytest.mark.parametrize("endpoint", TARGETS)
def test_what_is_no_object_or_has_unknown_members_is_refused(endpoint: str) -> None:
    user, path, _ = TARGETS[endpoint]()

    with nothing_written():
        for name, raw in (NO_OBJECT | UNKNOWN).items():
            assert code(send(user, path, raw)) == (400, "VALIDATION_FAILED"), name


@pytest.mark.parametrize("endpoint", TARGETS)
def test_a_body_of_more_than_a_mebibyte_is_too_large_and_of_just_that_is_read(endpoint: str) -> None:
    user, path, _ = TARGETS[endpoint]()

    with nothing_written():
        for size in (MAX_BODY_BYTES + 1, 4 * MAX_BODY_BYTES):
            assert code(send(user, path, b'{"x": 1}'.ljust(size))) == (413, "BODY_TOO_LARGE")
        assert code(send(user, path, b'{"x": 1}'.ljust(MAX_BODY_BYTES))) == (400, "VALIDATION_FAILED")


@pytest.mark.parametrize("endpoint", TARGETS)
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", ""],
)
def test_only_json_is_read(endpoint: str, content_type: str) -> None:
    user, path, _ = TARGETS[endpoint]()

    with nothing_written():
        assert code(send(user, path, b"{}", content_type=content_type)) == (415, "UNSUPPORTED_MEDIA_TYPE")


AMOUNTS = {
    "negative": "-40",
    "minus one": "-1",
    "a fraction": "40.5",
    "a whole float": "40.0",
    "an exponent": "4e1",
    "true": "true",
    "false": "false",
    "a string": '"40"',
    "an empty string": '""',
    "null": "null",
    "a list": "[40]",
    "an object": "{}",
    "one too many": "1000000001",
    "past 64 bits": "9223372036854775808",
    "twenty digits": "99999999999999999999",
    "ten thousand digits": "9" * 10_000,
    "minus ten thousand digits": "-" + "9" * 10_000,
}


@pytest.mark.parametrize("endpoint", ["purchase", "spin", "finish"])
def test_an_amount_is_a_whole_number_from_one_to_a_thousand_million(endpoint: str) -> None:
    user, path, field = TARGETS[endpoint]()

    with nothing_written():
        for name, literal in AMOUNTS.items():
            refused = send(user, path, f'{{"{field}": {literal}}}')
            assert code(refused) == (400, "VALIDATION_FAILED"), name
            assert list(refused.json()["error"]["details"]) == [field], name
        if endpoint != "finish":
            assert code(send(user, path, f'{{"{field}": 0}}')) == (400, "VALIDATION_FAILED")


TEXTS = {
    "NUL": '"a\\u0000b"',
    "a lone surrogate": '"\\ud800"',
    "the other half": '"\\udfff"',
    "a number": "5",
    "true": "true",
    "null": "null",
    "a list": '["a"]',
    "an object": '{"a": 1}',
    "too long": '"' + "x" * 501 + '"',
}


@pytest.mark.parametrize(
    ("endpoint", "field", "rest"),
    [
        ("purchase", "note", '"expectedPrice": 40'),
        ("finish", "reason", '"settleTokens": 50'),
        ("bulk", "reason", f'"ids": ["{NO_ID}"]'),
        ("spin", "clientSeed", '"betAmount": 100'),
    ],
)
def test_a_text_is_a_string_that_can_be_stored(endpoint: str, field: str, rest: str) -> None:
    user, path, _ = TARGETS[endpoint]()

    with nothing_written():
        for name, literal in TEXTS.items():
            refused = send(user, path, f'{{{rest}, "{field}": {literal}}}')
            assert code(refused) == (400, "VALIDATION_FAILED"), name
            assert list(refused.json()["error"]["details"]) == [field], name


IDS = ["null", "1", "true", '""', '"x"', '"\\u0000"', '"\\ud800"', f'" {NO_ID}"', f'"{NO_ID[:-1]}"', f'"{{{NO_ID}}}"']


def test_an_id_in_a_body_is_a_uuid_of_36_characters() -> None:
    support, path, item_id = bulk()
    player, spin_path, _ = spin()

    with nothing_written():
        for literal in IDS:
            for ids in (f"[{literal}]", f'["{item_id}", {literal}]'):
                assert code(send(support, path, f'{{"ids": {ids}, "reason": "x"}}')) == (400, "VALIDATION_FAILED"), ids
            spun = send(player, spin_path, f'{{"betAmount": 100, "performerId": {literal}}}')
            assert code(spun) == (400, "VALIDATION_FAILED"), literal
        unknown = send(player, spin_path, f'{{"betAmount": 100, "performerId": "{NO_ID}"}}')
        assert code(unknown) == (404, "NOT_FOUND")


def test_a_key_is_not_used_up_by_any_of_this() -> None:
    user, path, _ = purchase()

    for raw in (b"{", b"[]", b'{"expectedPrice": true}', b'{"expectedPrice": 41}'):
        assert send(user, path, raw, key="the-key-1").status_code in (400, 409)

    assert send(user, path, b'{"expectedPrice": 40}', key="the-key-1").status_code == 201
