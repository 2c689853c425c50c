"""JSON shapes of the line, exactly as PRODUCT.md §8 has them."""

from collections.abc import Sequence
from typing import Any

from accounts.models import User
from core.api import utc
from perfqueue import services
from perfqueue.services import ItemView, PerformerQueue, QueueItem, QueueView, Wait


def wait_out(wait: Wait | None) -> dict[str, int] | None:
    return None if wait is None else {"lowSeconds": wait.low_s, "highSeconds": wait.high_s}


def brief_out(view: ItemView) -> dict[str, Any]:
    """What strangers see."""
    item = view.item
    return {
        "id": item.id,
        "title": item.title,
        "state": item.state,
        "position": view.position,
        "mine": view.mine,
    }


def full_out(view: ItemView) -> dict[str, Any]:
    """What the buyer, the item's performer, staff and the owning service see."""
    item = view.item
    return {
        "id": item.id,
        "performerId": item.performer_id,
        "userId": item.user_id,
        "title": item.title,
        "tokens": item.tokens,
        "currency": item.currency,
        "fulfilment": item.fulfilment,
        "state": item.state,
        "position": view.position,
        "estimatedWait": wait_out(view.wait),
        "ropeDropAt": utc(item.rope_drop_at),
        "deadlineAt": utc(item.deadline_at),
        "createdAt": utc(item.created_at),
        "startedAt": utc(item.started_at),
        "endedAt": utc(item.ended_at),
        "settledTokens": item.settle_tokens,
        "refundedTokens": item.refund_tokens,
        "reason": item.reason or None,
        "holdId": item.hold_id,
        "trail": [{"operation": step.operation, "amount": step.amount, "at": utc(step.at)} for step in view.trail],
    }


def items_out(items: Sequence[QueueItem], viewer: User | None) -> list[dict[str, Any]]:
    """Each item as the viewer may see it (two statements, however many)."""
    return [full_out(view) if view.full else brief_out(view) for view in services.item_views(items, viewer=viewer)]


def item_out(item: QueueItem, viewer: User | None) -> dict[str, Any]:
    return items_out([item], viewer)[0]


def queue_out(view: QueueView) -> dict[str, Any]:
    queue = view.queue
    return {
        "open": queue.is_open,
        "paused": queue.is_paused,
        "depth": len(view.items),
        "maxDepth": queue.depth,
        "nowPerforming": brief_out(view.started) if view.started else None,
        "items": [brief_out(each) for each in view.items],
        "estimatedWait": wait_out(view.wait),
    }


def performer_out(user: Any) -> dict[str, Any]:
    profile = getattr(user, "performer_profile", None)
    return {
        "id": user.id,
        "displayName": profile.display_name if profile else user.username,
        "username": user.username,
        "state": user.presence or "offline",
        "queueOpen": user.queue_open,
    }


def presence_out(queue: PerformerQueue) -> dict[str, Any]:
    return {
        "state": queue.presence,
        "queueOpen": queue.is_open,
        "watched": queue.silent_at is not None,
        "awayAfter": utc(queue.silent_at),
    }


SETTINGS = {
    "maxDepth": "depth",
    "openItemsPerUser": "user_cap",
    "ropeDropSeconds": "rope_drop_s",
    "maxWaitSeconds": "max_wait_s",
    "overrunGraceSeconds": "grace_s",
    "disconnectGraceSeconds": "disconnect_s",
    "abandonmentPolicy": "abandon_policy",
}


def settings_out(queue: PerformerQueue) -> dict[str, Any]:
    return {name: getattr(queue, column) for name, column in SETTINGS.items()}


def block_out(block: services.Block) -> dict[str, Any]:
    return {"id": block.id, "userId": block.user_id, "username": block.user.username, "at": utc(block.at)}


def totals_out(results: Sequence[services.ItemResult]) -> dict[str, Any]:
    """What a bulk refund did, or in a dry run would do, to each item and in all."""
    willing = [each for each in results if each.code is None]
    return {
        "results": [{"id": each.item_id, "code": each.code} for each in results],
        "totals": {"items": len(results), "refunded": len(willing), "tokens": sum(each.tokens for each in willing)},
    }


def run_out(run: services.Run) -> dict[str, Any]:
    """A run with its results so far (two statements)."""
    far = services.progress(run)
    return {
        "runId": run.pk,
        "status": "done" if run.ended_at else "running",
        "reason": run.reason,
        "createdAt": utc(run.created_at),
        "endedAt": utc(run.ended_at),
        "progress": {"items": far.total, "worked": far.worked, "percent": far.percent},
        "results": [{"id": each.item_id, "code": each.code or None} for each in services.results(run)],
        "totals": {"items": far.total, "refunded": far.done, "tokens": far.refunded},
    }
