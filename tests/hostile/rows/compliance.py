"""Of compliance."""

from django.db.models import Model

from accounts.models import User
from compliance.models import AgeCase, AgeDecision, Break, Limit, LimitChange, Marker, PolicyVersion, Refusal

NAMED: dict[str, type[Model]] = {"user_id": User, "region": PolicyVersion}
UNKEYED = {
    "limits",
    "limits/confirm",
    "time-out",
    "self-exclusion",
    "terms/accept",
    "admin/compliance/verifications/{id}/verify",
    "admin/compliance/verifications/{id}/reject",
    "admin/compliance/policies/{id}",
}


def add(ruby: User) -> None:
    Refusal.objects.create(user=ruby, feature="slots", gate="role", code="X", policy_version="1")
    AgeCase.objects.create(user=ruby)
    AgeDecision.objects.create(user=ruby, outcome="verified", by="provider", reason="x", policy_version="1")
    Break.objects.create(user=ruby, kind="exclusion")
    limit = {"user": ruby, "currency": "POINT", "window": "24h"}
    Limit.objects.create(**limit, amount=100)
    LimitChange.objects.create(**limit, kind="set", new=100)
    Marker.objects.create(user=ruby, kind="rapid_play", facts={"seen": "a", "spins": 50, "seconds": 130.5})
    if not PolicyVersion.objects.exists():
        PolicyVersion.objects.create(number=1, region="DEMO", slots=True, wheel=True, reason="x")
