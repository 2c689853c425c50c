"""Of accounts."""

from django.db.models import Model

from accounts.models import Role, Scope, ServiceAccount, User
from tests.world import person

PUBLIC = {("auth/token", "POST"), ("auth/token/refresh", "POST"), ("auth/token/revoke", "POST")}
UNKEYED = {path for path, _ in PUBLIC}
NAMED: dict[str, type[Model]] = {
    "performer_id": User,
    **dict.fromkeys(("user_id", "token", "key"), User),  # of links from mails, for which an id is a forged token
}


def add() -> None:
    ServiceAccount.objects.create(user=person(role=Role.SERVICE), features=["arcade"], scopes=[Scope.HOLD])
