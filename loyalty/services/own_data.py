"""What loyalty holds about a person."""

from collections.abc import Iterator
from uuid import UUID

from core.own_data import Section, section
from loyalty.models import Difference, KnownBalance, Link, LinkIntent, RemoteOperation


def own_data(user_id: UUID) -> Iterator[Section]:
    """Return a person's links to RedRoomRewards, what was changed there, and what differed."""
    yield section("loyaltyLinks", Link.objects.filter(user_id=user_id), of="user", but=("unlinked_by", "reason"))
    yield section("loyaltyLinkIntents", LinkIntent.objects.filter(user_id=user_id), of="user", but=("link_code",))
    yield section("loyaltyOperations", RemoteOperation.objects.filter(user_id=user_id), of="user")
    yield section("loyaltyBalance", KnownBalance.objects.filter(user_id=user_id), of="user", by="user_id")
    yield section("loyaltyDifferences", Difference.objects.filter(user_id=user_id), of="user")
