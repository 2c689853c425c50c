"""Of perfqueue."""

from django.db.models import Model

import perfqueue.services
from accounts.models import User
from perfqueue.models import QueueItem, Run, RunAction, Strike
from tests.world import person, staff

PUBLIC = {("performer", "GET"), ("performer/{id}", "GET"), ("performer/{id}/queue", "GET")}
UNKEYED = {
    "performer/{id}/presence",
    "performer/{id}/blocks",
    "performer/{id}/queue/settings",
    *(f"performer/{{id}}/queue/{command}" for command in ("open", "close", "pause", "resume")),
}
NAMED: dict[str, type[Model]] = {"item_id": QueueItem, "run_id": Run}


def perform(ruby: User, item: QueueItem) -> None:
    perfqueue.services.start(item_id=item.pk, actor=ruby)
    perfqueue.services.finish(item_id=item.pk, actor=ruby)


def add(ruby: User, *, ended: QueueItem, waiting: QueueItem) -> None:
    perfqueue.services.block(performer_id=ruby.pk, user_id=person().pk, actor=ruby)
    Strike.objects.create(performer=ruby, item=waiting, cause="ROPE_DROP_EXPIRED")
    perfqueue.services.open_run(action=RunAction.REFUND, item_ids=[ended.pk], actor=staff(), reason="sorry")
