"""The versions of the terms, and which is current."""

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db.models import Max

from accounts.models import User
from compliance.errors import TermsOutdated
from compliance.models import Terms, TermsAcceptance
from core.db import first_or_not_found, joined, lock_name
from core.errors import Forbidden

FIRST = Path(__file__).resolve().parent.parent / "terms" / "version-1.txt"
TITLE = "Terms of use"


@dataclass(frozen=True)
class SignedIn:
    """Somebody who is signed in, and the version of the terms in force."""

    user: User
    terms_version: int


def seed_terms() -> None:
    """Publish the first version if there is none. Idempotent, and safe when two starts do it at once."""
    text = FIRST.read_text(encoding="utf-8")
    first = Terms(version=1, title=TITLE, text=text, digest=sha256(text.encode()).digest())
    Terms.objects.bulk_create([first], ignore_conflicts=True)


def publish_demo_terms(*, first: bool) -> int:
    """Publish one more version of a demo's terms, which everybody must accept again; return its number.

    `first`: with the text of the first version, else with a line that names the new one. Locks the name of the terms.

    Raises:
        Forbidden: this is no demo and no test; nothing was written.
    """
    if not settings.RELAXED:
        raise Forbidden
    with joined():
        lock_name("compliance terms")
        version, text = current_terms_version() + 1, FIRST.read_text(encoding="utf-8")
        if not first:
            text += f"\nThis is version {version}, published to show what a change of the terms does.\n"
        Terms.objects.create(version=version, title=TITLE, text=text, digest=sha256(text.encode()).digest())
    return version


def current_terms_version() -> int:
    """Return the number of the terms in force (one statement); 0 before any were published."""
    found: int | None = Terms.objects.aggregate(version=Max("version"))["version"]
    return found or 0


def signed_in(user: User) -> SignedIn:
    """Return this person with the version of the terms in force (one statement)."""
    return SignedIn(user, current_terms_version())


@dataclass(frozen=True, slots=True)
class TermsView:
    """The version in force, and whether this person accepted it. `digest`: SHA-256 of the text, hex."""

    version: int
    title: str
    text: str
    digest: str
    accepted: bool


def terms_of(user: User | None) -> TermsView:
    """Return the terms in force, and whether this person accepted them; None: somebody who is not signed in.

    One statement. Raises NotFound before any were published.
    """
    current = first_or_not_found(Terms.objects.order_by("-version"))
    return TermsView(
        version=current.version,
        title=current.title,
        text=current.text,
        digest=bytes(current.digest).hex(),
        accepted=user is not None and user.terms_version >= current.version,
    )


def accept_terms(*, user: User, version: int) -> TermsView:
    """Record that this person accepted the version in force; a second time changes nothing.

    Writes a `TermsAcceptance` and the account's `terms_version`.

    Raises:
        TermsOutdated: it is not the version in force; NotFound: there is none. Nothing was written.
    """
    with joined():
        current = terms_of(user)
        if version != current.version:
            raise TermsOutdated(version=current.version)
        TermsAcceptance.objects.bulk_create([TermsAcceptance(user=user, version_id=version)], ignore_conflicts=True)
        User.objects.filter(pk=user.pk, terms_version__lt=version).update(terms_version=version)
    return replace(current, accepted=True)
