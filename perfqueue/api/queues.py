"""Endpoints of a performer's queue: who waits, open and close, presence, settings, blocks."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.models import Role
from core.api import Endpoint
from core.crowds import MOST_BYTES, CrowdEndpoint
from core.db import command, first_or_not_found
from core.errors import Forbidden
from core.fields import Body, Page, Params, StrictEnum, StrictInt, StrictUUID
from core.freshness import Shelf
from perfqueue import services, shapes
from perfqueue.api.gated import QueueEndpoint


class PublicQueue(CrowdEndpoint, QueueEndpoint):
    """Show who waits in a performer's queue, head first."""

    Output = shapes.QueueOut
    shelf = Shelf(MOST_BYTES)
    look = staticmethod(services.look)
    until = staticmethod(services.due_at)

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        return self.answer(services.queue_view(performer_id, viewer=self.actor))


class PerformerList(Endpoint):
    """List the performers, newest first."""

    public, Query, Output = True, Page, shapes.PerformersOut

    def get(self, request: Request) -> HttpResponse:
        return self.page(services.performers())


class PerformerDetail(QueueEndpoint):
    """Show one performer."""

    public, Output = True, shapes.PerformerOut

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        return self.answer(first_or_not_found(services.performers().filter(pk=performer_id)))


class QueueControl(QueueEndpoint):
    """A command on one's own queue; answers the queue."""

    roles, Output = (Role.PERFORMER,), shapes.QueueOut
    refuses = (Forbidden,)
    control: ClassVar[Callable[..., Any]]

    def post(self, request: Request, performer_id: UUID) -> HttpResponse:
        command(lambda: type(self).control(performer_id=performer_id, actor=self.actor))
        return self.answer(services.queue_view(performer_id, viewer=self.actor))


class OpenQueue(QueueControl):
    """Open one's own queue."""

    control = staticmethod(services.open_queue)


class CloseQueue(QueueControl):
    """Close one's own queue; everybody who waits is refunded."""

    control = staticmethod(services.close_queue)


class PauseQueue(QueueControl):
    """Pause one's own queue; timers stand still."""

    control = staticmethod(services.pause_queue)


class ResumeQueue(QueueControl):
    """Resume one's own queue."""

    control = staticmethod(services.resume_queue)


class Heartbeat(QueueEndpoint):
    """Report that one is streaming, idle or offline.

    Send it every 20 s while the queue is open.
    """

    roles, Output = (Role.PERFORMER,), shapes.PresenceOut
    refuses = (Forbidden,)

    class Input(Body):
        state = StrictEnum(services.Presence)

    def post(self, request: Request, performer_id: UUID) -> HttpResponse:
        queue = command(lambda: services.record_heartbeat(performer_id=performer_id, actor=self.actor, **self.data))
        return self.answer(queue)


def _setting(column: str) -> StrictInt:
    lowest, highest = services.BOUNDS[column]
    return StrictInt(required=False, source=column, min_value=lowest, max_value=highest)


class Settings(QueueEndpoint):
    """The settings of one's own queue. Items that wait keep their timers."""

    roles, Output = (Role.PERFORMER,), shapes.SettingsOut
    refuses = (Forbidden,)

    class Input(Body):
        maxDepth = _setting("depth")
        openItemsPerUser = _setting("user_cap")
        ropeDropSeconds = _setting("rope_drop_s")
        maxWaitSeconds = _setting("max_wait_s")
        overrunGraceSeconds = _setting("grace_s")
        disconnectGraceSeconds = _setting("disconnect_s")
        abandonmentPolicy = StrictEnum(services.AbandonPolicy, required=False, source="abandon_policy")

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        """Show the settings of one's own queue."""
        return self.answer(services.settings_of(performer_id=performer_id, actor=self.actor))

    def patch(self, request: Request, performer_id: UUID) -> HttpResponse:
        """Change settings of one's own queue.

        Items that wait keep their timers.
        """
        services.settings_of(performer_id=performer_id, actor=self.actor)
        queue = command(lambda: services.configure(performer_id=performer_id, **self.data))
        return self.answer(queue)


class BlockIn(Body):
    userId = StrictUUID()


class UnblockIn(Body):
    userId = StrictUUID(required=False)


class UnblockQuery(Params):
    userId = StrictUUID()


class Blocks(QueueEndpoint):
    """The users whom a performer blocks from buying. Own list only."""

    roles, Query = (Role.PERFORMER,), {"GET": Page, "DELETE": UnblockQuery}
    Input = {"POST": BlockIn, "DELETE": UnblockIn}
    Output = {"GET": shapes.BlocksOut, "POST": shapes.BlockOut, "DELETE": shapes.UnblockedOut}
    refuses = (Forbidden,)

    def get(self, request: Request, performer_id: UUID) -> HttpResponse:
        """List the users whom one blocks, newest first."""
        services.settings_of(performer_id=performer_id, actor=self.actor)
        return self.page(services.blocks_of(performer_id))

    def _queried(self, request: Request) -> dict[str, Any]:
        """A DELETE names the user in its query; a body that names one is read instead, for clients that send it so."""
        return self.data if request.method == "DELETE" and self.data else super()._queried(request)

    def post(self, request: Request, performer_id: UUID) -> HttpResponse:
        """Block a user from buying."""
        user_id = self.data["userId"]
        blocked = command(lambda: services.block(performer_id=performer_id, user_id=user_id, actor=self.actor))
        return self.answer(blocked)

    def delete(self, request: Request, performer_id: UUID) -> HttpResponse:
        """Let a user buy again."""
        user_id = self.query["userId"]
        command(lambda: services.unblock(performer_id=performer_id, user_id=user_id, actor=self.actor))
        return self.answer(user_id)
