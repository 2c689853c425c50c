"""Performers as the pages show them."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from accounts.models import Role, User
from core import db
from core.errors import NotFound

ONE = """
SELECT u.id, u.username, p.display_name, p.tagline, p.poster
  FROM accounts_user u LEFT JOIN accounts_performerprofile p ON p.user_id = u.id
 WHERE u.id = %s AND u.role = 'performer' AND u.is_active
"""
POSTERS = ("brush", "cello", "dance", "drums", "guitar", "paper", "piano", "voice")


@dataclass(frozen=True)
class Performer:
    """`poster` is a static file: her art form's, else one of the eight by her id. `is_active`: she has a room."""

    id: UUID
    name: str
    tagline: str
    poster: str
    is_active: bool


def performers(search: str = "") -> list[Performer]:
    """Everybody who performs, by name (one statement). `search` looks at name and art in any case."""
    found = [_shown(user) for user in _people().filter(is_active=True)]
    wanted = search.casefold()
    kept = [one for one in found if wanted in f"{one.name} {one.tagline}".casefold()]
    return sorted(kept, key=lambda one: one.name.casefold())


def performers_by_id(ids: Collection[UUID]) -> dict[UUID, Performer]:
    """Performers, former ones too (one statement)."""
    return {user.pk: _shown(user) for user in _people().filter(pk__in=ids)} if ids else {}


def performer_or_404(performer_id: UUID) -> Performer:
    """An active performer (one statement)."""
    try:
        row = db.glance(ONE, [performer_id])
    except NotFound as error:
        raise Http404 from error
    return _performer(
        row["id"],
        row["username"] if row["display_name"] is None else row["display_name"],
        row["tagline"],
        row["poster"],
    )


def _people() -> "QuerySet[User]":
    return User.objects.filter(role=Role.PERFORMER).select_related("performer_profile")


def _shown(user: User) -> Performer:
    profile = getattr(user, "performer_profile", None)
    if profile is None:
        return _performer(user.pk, user.username, None, None, is_active=user.is_active)
    return _performer(user.pk, profile.display_name, profile.tagline, profile.poster, is_active=user.is_active)


def _performer(
    user_id: UUID, name: str, tagline: str | None, poster: str | None, *, is_active: bool = True
) -> Performer:
    art = poster if poster in POSTERS else POSTERS[user_id.int % len(POSTERS)]
    return Performer(user_id, name, tagline or "", f"img/poster-{art}.svg", is_active)
