"""The queue's refusals. Each wrote nothing."""

from core.errors import Kind, Refused


class QueueFull(Refused):
    kind, code = Kind.CONFLICT, "QUEUE_FULL"
    message = "The line is full: {depth} of {maxDepth}. Nothing was held. A place opens when a turn ends."
    example = {"depth": 25, "maxDepth": 25}


class QueueClosed(Refused):
    kind, code = Kind.CONFLICT, "QUEUE_CLOSED"
    message = "The line is closed. Nothing was held."


class QueuePaused(Refused):
    kind, code = Kind.CONFLICT, "QUEUE_PAUSED"
    message = "The line is paused. Nothing new was taken; countdowns stand still."


class UserQueueLimit(Refused):
    kind, code = Kind.CONFLICT, "USER_QUEUE_LIMIT"
    message = "You have {open} requests here, the most at one time is {cap}. Leave one, or wait for your turn."
    example = {"open": 3, "cap": 3}


class NotHeadOfQueue(Refused):
    kind, code = Kind.CONFLICT, "NOT_HEAD_OF_QUEUE"
    message = "Another request is first in line."


class AlreadyStarted(Refused):
    kind, code = Kind.CONFLICT, "ALREADY_STARTED"
    message = "A performance is on stage already. End it first."


class RopeDropExpired(Refused):
    kind, code = Kind.CONFLICT, "ROPE_DROP_EXPIRED"
    message = "Time to start ran out. The buyer has the tokens back."


class DeadlinePassed(Refused):
    kind, code = Kind.CONFLICT, "DEADLINE_PASSED"
    message = "Time to finish ran out. Silence never pays: the item went its way without payment."


class InvalidTransition(Refused):
    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "An item that is {state} cannot do this."
    example = {"state": "finished"}


class ServiceCapReached(Refused):
    """What another feature may hold for one buyer in 24 hours."""

    kind, code = Kind.FORBIDDEN, "SPEND_LIMIT_REACHED"
    message = "This feature may hold {cap} for one person in 24 hours; {spent} are held or spent. Nothing was held."
    example = {"cap": 1000, "spent": 950}
