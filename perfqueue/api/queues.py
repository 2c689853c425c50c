"""Endpoints of a performer's queue: who waits, open and close, presence, settings, blocks."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.models import Role
from core.api import WRITES, Endpoint
from core.db import command, first_or_not_found
from core.errors import ValidationFailed
from core.fields import Body, Page, StrictEnum, StrictInt, StrictUUID
from perfqueue import services, shapes
from perfqueue.api.gated import QueueEndpoint


class PublicQueue(QueueEndpoint):
    """GET /performer/{id}/queue. 200: the queue, head first; 304 to a known ETag; 404."""

    public, etag, Output = True, True, shapes.QueueOut

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        return self.answer(services.queue_view(performer_id, viewer=self.actor))


class PerformerList(Endpoint):
    """GET /performer. 200: a list of performers, newest first."""

    public, Query, Output = True, Page, shapes.PerformersOut

    def get(self, request: Request) -> HttpResponse:
        return self.page(services.performers())


class PerformerDetail(QueueEndpoint):
    """GET /performer/{id}. 200; 404."""

    public, Output = True, shapes.PerformerOut

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        return self.answer(first_or_not_found(services.performers().filter(pk=performer_id)))


class QueueControl(QueueEndpoint):
    """POST /performer/{id}/queue/open, /close, /pause, /resume. 200 with the queue; 403; 404. Own queue only."""

    roles, Output = (Role.PERFORMER,), shapes.QueueOut
    control: ClassVar[Callable[..., Any]]

    def post(self, request: Request, performer_id: UUID) -> HttpResponse:
        command(lambda: type(self).control(performer_id=performer_id, actor=self.actor))
        return self.answer(services.queue_view(performer_id, viewer=self.actor))


class OpenQueue(QueueControl):
    control = staticmethod(services.open_queue)


class CloseQueue(QueueControl):
    control = staticmethod(services.close_queue)


class PauseQueue(QueueControl):
    control = staticmethod(services.pause_queue)


class ResumeQueue(QueueControl):
    control = staticmethod(services.resume_queue)


class Heartbeat(QueueEndpoint):
    """POST /performer/{id}/presence {state}, every 20 s. 200 {state, queueOpen, watched, awayAfter}; 403; 404."""

    roles, Output = (Role.PERFORMER,), shapes.PresenceOut

    class Input(Body):
        state = StrictEnum(services.Presence)

    def post(self, request: Request, performer_id: UUID) -> HttpResponse:
        queue = command(lambda: services.record_heartbeat(performer_id=performer_id, actor=self.actor, **self.data))
        return self.answer(queue)


def _setting(column: str) -> StrictInt:
    lowest, highest = services.BOUNDS[column]
    return StrictInt(required=False, source=column, min_value=lowest, max_value=highest)


class Settings(QueueEndpoint):
    """GET, PATCH /performer/{id}/queue/settings. 200; 400; 403; 404. Own queue; items keep their timers."""

    roles, Output = (Role.PERFORMER,), shapes.SettingsOut

    class Input(Body):
        maxDepth = _setting("depth")
        openItemsPerUser = _setting("user_cap")
        ropeDropSeconds = _setting("rope_drop_s")
        maxWaitSeconds = _setting("max_wait_s")
        overrunGraceSeconds = _setting("grace_s")
        disconnectGraceSeconds = _setting("disconnect_s")
        abandonmentPolicy = StrictEnum(services.AbandonPolicy, required=False, source="abandon_policy")

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        return self.answer(services.settings_of(performer_id=performer_id, actor=self.actor))

    def patch(self, request: Request, performer_id: UUID) -> HttpResponse:
        services.settings_of(performer_id=performer_id, actor=self.actor)
        queue = command(lambda: services.configure(performer_id=performer_id, **self.data))
        return self.answer(queue)


class BlockQuery(Page):
    userId = StrictUUID(required=False)


class Blocks(QueueEndpoint):
    """GET; POST {userId}; DELETE {userId} or ?userId=: /performer/{id}/blocks. 200; 400; 403; 404. Own queue only."""

    roles, Query = (Role.PERFORMER,), BlockQuery
    Output = {"GET": shapes.BlocksOut, "POST": shapes.BlockOut, "DELETE": shapes.UnblockedOut}

    class Input(Body):
        userId = StrictUUID(required=False)

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        services.settings_of(performer_id=performer_id, actor=self.actor)
        return self.page(services.blocks_of(performer_id))

    def _queried(self, request: Request) -> dict[str, Any]:
        """Require `userId` of a command before its key and role are checked; a DELETE may have it in its query."""
        query = super()._queried(request)
        if request.method in WRITES and "userId" not in self.data:
            if request.method != "DELETE" or "userId" not in query:
                raise ValidationFailed(userId=["This field is required."])
            self.data = {"userId": query["userId"]}
        return query

    def post(self, request: Request, performer_id: UUID) -> HttpResponse:
        user_id = self.data["userId"]
        blocked = command(lambda: services.block(performer_id=performer_id, user_id=user_id, actor=self.actor))
        return self.answer(blocked)

    def delete(self, request: Request, performer_id: UUID) -> HttpResponse:
        user_id = self.data["userId"]
        command(lambda: services.unblock(performer_id=performer_id, user_id=user_id, actor=self.actor))
        return self.answer(user_id)
