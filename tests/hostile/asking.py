"""Requests as a hostile client sends them, and proof that they wrote nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.db import connection

from accounts.models import Role, User
from core.db import rows
from core.ids import new_id
from menus import services as menus
from menus.models import MenuItem
from menus.services import ItemDraft, MenuDraft
from tests.world import client_of

API = "/api/v1"


def song_of(performer: User, price: int = 40) -> MenuItem:
    """An item of her menu, to be bought."""
    menu = menus.create_menu(actor=performer, draft=MenuDraft(title="On stage", owner_id=performer.pk))
    draft = ItemDraft(title="A song", price_tokens=price, duration_s=60)
    return menus.create_item(actor=User(role=Role.ADMIN), menu_id=menu.pk, draft=draft)


def send(
    user: User | None,
    path: str,
    body: bytes | str = b"{}",
    *,
    method: str = "POST",
    key: str | None = "",
    content_type: str = "application/json",
    **headers: str,
) -> Any:
    """Send exactly these bytes. `key`: a fresh one unless given; None sends none."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        sent["Idempotency-Key"] = key or str(new_id())
    client = client_of(user)
    client.raise_request_exception = False
    return client.generic(method, f"{API}/{path}", cast(str, body), content_type, headers=sent)


def code(answer: Any) -> tuple[int, str]:
    """Status and code of an answer in the envelope, and nothing but the envelope."""
    body = answer.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["code", "message", "details"]
    assert body["error"]["message"]
    assert isinstance(body["error"]["details"], dict)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"]
    return answer.status_code, body["error"]["code"]


def contents(*, but: tuple[str, ...] = ()) -> dict[str, tuple[int, str]]:
    """How many rows each table has, and a hash of them."""
    tables = [
        row["name"]
        for row in rows(
            "SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
            " AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1"
        )
        if row["name"] not in but
    ]
    each = (
        f"SELECT '{name}' AS name, count(*) AS n, coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') AS hash"  # noqa: S608
        f" FROM {name} t"
        for name in tables
    )
    return {row["name"]: (row["n"], row["hash"]) for row in rows(" UNION ALL ".join(each))}


@contextmanager
def nothing_written(*, but: tuple[str, ...] = ()) -> Iterator[None]:
    """Whatever happens inside leaves no trace in any table (but those named, which keep refusals on purpose)."""
    before = contents(but=but)
    yield
    assert not connection.in_atomic_block
    assert contents(but=but) == before
