"""Claims of access tokens: a short check of plainly ours, and for every other token the library's result."""

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
import orjson
import pytest
from django.conf import settings
from rest_framework_simplejwt.state import token_backend

from accounts.callers import Claims, _claims_of_ours, _validated, claims_of
from accounts.tokens import issue
from core.errors import Unauthenticated
from core.ids import new_id
from tests.world import person

LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def payload(**changes: Any) -> dict[str, Any]:
    """The claims of a sound access token with changes; `...` takes one out."""
    now = int(time.time())
    sound = {
        "token_type": "access", "exp": now + 86_400, "iat": now - 1, "jti": "0" * 32,
        "user_id": str(new_id()), "hash_password": "A" * 32, "epoch": 0, "family": "0" * 32,
    }  # fmt: skip
    return {name: value for name, value in (sound | changes).items() if value is not ...}


def signed(claims: Any, head: bytes = b'{"alg":"HS256","typ":"JWT"}', key: str = settings.SECRET_KEY) -> str:
    """A token of any bytes, with a right signature of the key."""
    raw = claims if isinstance(claims, bytes) else orjson.dumps(claims)
    return resigned(encoded(head) + b"." + encoded(raw), key)


def resigned(text: bytes, key: str = settings.SECRET_KEY) -> str:
    algorithm = jwt.get_algorithm_by_name("HS256")
    return (text + b"." + encoded(algorithm.sign(text, algorithm.prepare_key(key)))).decode()


def encoded(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def result(check: Callable[[str], Claims], token: str) -> Claims | type[Exception]:
    try:
        return check(token)
    except Unauthenticated:
        return Unauthenticated


def other_letter(token: str, place: int) -> str:
    """The token with the next letter of base64 at a place: the last one of a part may stand for the same bytes."""
    letter = LETTERS[(LETTERS.index(token[place].encode()) + 1) % 64 :][:1].decode()
    return token[:place] + letter + token[place:][1:]


SOUND = signed(payload())
HEAD, TEXT, SIGNATURE = SOUND.split(".")
ODD = {
    **{f"without {name}": payload(**{name: ...}) for name in payload()},
    **{f"{name} null": payload(**{name: None}) for name in payload()},
    **{f"{name} a list": payload(**{name: []}) for name in payload()},
    **{f"{name} true": payload(**{name: True}) for name in payload()},
    **{f"{name} a text of digits": payload(**{name: "1"}) for name in payload()},
    "expired": payload(exp=int(time.time()) - 1),
    "expired long ago": payload(exp=0),
    "exp with a fraction": payload(exp=time.time() + 300.5),
    "exp far away": payload(exp=2**33),
    "exp before the epoch": payload(exp=-1),
    "issued in the future": payload(iat=int(time.time()) + 100),
    "a refresh token": payload(token_type="refresh"),
    "not yet valid": payload(nbf=int(time.time()) + 100),
    "valid since": payload(nbf=int(time.time()) - 100),
    "a subject": payload(sub="somebody"),
    "a subject of another type": payload(sub=7),
    "an audience": payload(aud="others"),
    "an issuer": payload(iss="others"),
    "a claim of nobody": payload(more=1),
    "user of capitals": payload(user_id=str(new_id()).upper()),
    "user without hyphens": payload(user_id=new_id().hex),
    "user in braces": payload(user_id="{" + str(new_id()) + "}"),
    "user of a word": payload(user_id="nobody"),
}
TOKENS = {
    **{name: signed(claims) for name, claims in ODD.items()},
    "no object": signed([1]),
    "no JSON": signed(b"{"),
    "no UTF-8": signed(b'{"jti":"\xff"}'),
    "NaN": signed(orjson.dumps(payload()).replace(b'"epoch":0', b'"epoch":NaN')),
    "a member twice": signed(orjson.dumps(payload()).replace(b'"epoch":0', b'"epoch":0,"epoch":5')),
    "without a family": signed(payload(family=...)),
    "a family that is no text": signed(payload(family=["0"])),
    "empty payload": signed(b""),
    "another key": signed(payload(), key="x" * 50),
    "another form of the head": signed(payload(), head=b'{"typ":"JWT","alg":"HS256"}'),
    "a head with more": signed(payload(), head=b'{"alg":"HS256","typ":"JWT","kid":"1"}'),
    "none": signed(payload(), head=b'{"alg":"none","typ":"JWT"}'),
    "another algorithm": jwt.encode(payload(), settings.SECRET_KEY, algorithm="HS512"),
    "unsigned": jwt.encode(payload(), "", algorithm="none"),
    "empty": "",
    "two points": "..",
    "one part": HEAD,
    "without signature": f"{HEAD}.{TEXT}.",
    "a part too many": f"{SOUND}.{SIGNATURE}",
    "a part too many, signed": resigned(f"{HEAD}.{TEXT}.{TEXT}".encode()),
    "padded signature": f"{SOUND}=",
    "padded payload": resigned(f"{HEAD}.{encoded(orjson.dumps(payload(jti='0' * 31))).decode()}==".encode()),
    "payload with a space": resigned(f"{HEAD}.{TEXT[:8]} {TEXT[8:]}".encode()),
    "payload in base64 of the other kind": resigned(f"{HEAD}.{TEXT[:-4]}+/+/".encode()),
    "not ASCII": f"{SOUND}\u00e9",
    "a line's end": f"{SOUND}\n",
    "last letter of the signature": other_letter(SOUND, -1),
    "first letter of the signature": other_letter(SOUND, len(SOUND) - len(SIGNATURE)),
    "last letter of the payload": other_letter(SOUND, len(HEAD) + len(TEXT)),
    "first letter of the payload": other_letter(SOUND, len(HEAD) + 1),
    "first letter of the head": other_letter(SOUND, 0),
}


@pytest.mark.parametrize("name", sorted(TOKENS))
def test_the_short_check_accepts_nothing_that_the_library_does_not(name: str) -> None:
    token = TOKENS[name]

    assert result(claims_of, token) == result(_validated, token)


def test_a_token_of_ours_is_known_by_the_short_check() -> None:
    assert _claims_of_ours(SOUND.encode()) == _validated(SOUND)


@pytest.mark.django_db
def test_an_issued_token_is_known_by_the_short_check() -> None:
    user = person()

    ours = _claims_of_ours(issue(user).access.encode())

    assert ours is not None
    assert ours.user_id == user.id


def test_what_the_short_check_leaves_out_is_not_configured() -> None:
    assert token_backend.algorithm == "HS256"
    assert (token_backend.audience, token_backend.issuer, token_backend.leeway) == (None, None, 0)
