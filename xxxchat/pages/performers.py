"""Performers as the pages show them."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from accounts.models import Role, User

POSTERS = ("brush", "cello", "dance", "drums", "guitar", "paper", "piano", "voice")


@dataclass(frozen=True)
class Performer:
    """`poster` is a static file: her art form's, else one of the eight by her id."""

    id: UUID
    name: str
    tagline: str
    poster: str


def performers(search: str = "") -> list[Performer]:
    """Everybody who performs, by name (one statement). `search` looks at name and art in any case."""
    found = [_shown(user) for user in _people()]
    wanted = search.casefold()
    kept = [one for one in found if wanted in f"{one.name} {one.tagline}".casefold()]
    return sorted(kept, key=lambda one: one.name.casefold())


def performers_by_id(ids: Collection[UUID]) -> dict[UUID, Performer]:
    """One statement."""
    return {user.pk: _shown(user) for user in _people().filter(pk__in=ids)} if ids else {}


def performer_or_404(performer_id: UUID) -> Performer:
    user = _people().filter(pk=performer_id).first()
    if user is None:
        raise Http404
    return _shown(user)


def _people() -> "QuerySet[User]":
    return User.objects.filter(role=Role.PERFORMER, is_active=True).select_related("performer_profile")


def _shown(user: User) -> Performer:
    profile = getattr(user, "performer_profile", None)
    art = profile.poster if profile and profile.poster in POSTERS else POSTERS[user.pk.int % len(POSTERS)]
    return Performer(
        id=user.pk,
        name=profile.display_name if profile else user.username,
        tagline=profile.tagline if profile else "",
        poster=f"img/poster-{art}.svg",
    )
