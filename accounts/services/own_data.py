"""What accounts holds about a person."""

from collections.abc import Iterator

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from accounts.models import Erasure, Export, PerformerProfile, User
from core.own_data import Section, section


def own_data(user: User) -> Iterator[Section]:
    """Return what is held about a person, without what only secrets or machines read."""
    yield section(
        "account",
        User.objects.filter(pk=user.pk),
        of="id",
        but=("password", "is_superuser", "ended_families", "family_ended_at"),
    )
    yield section("emailAddresses", EmailAddress.objects.filter(user=user), of="user")
    yield section("secondFactors", Authenticator.objects.filter(user=user), of="user", but=("data",))
    sessions = UserSession.objects.filter(user=user)
    yield section("sessions", sessions, of="user", but=("session_key", "ip"))
    profile = PerformerProfile.objects.filter(user=user)
    yield section("performerProfile", profile, of="user", by="user_id")
    yield section("erasures", Erasure.objects.filter(user=user), of="user", but=("actor", "reason"))
    yield section("exports", Export.objects.filter(user=user), of="user", but=("attempts", "taken_at"))
