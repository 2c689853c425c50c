"""Refusals of commands that need RedRoomRewards, and what its answers mean to whoever calls it."""

from core.errors import Kind, Refused


class LoyaltyUnavailable(Refused):
    """RedRoomRewards was not reached, or did surely not carry out what was asked.

    `retry_after_s`: what it asked for, or when its circuit breaker admits a call again.
    """

    kind, code = Kind.UNAVAILABLE, "LOYALTY_UNAVAILABLE"
    message = "Your points cannot be reached at the moment. Try again in a minute."


class NotLinked(Refused):
    """The person's account is linked to no member of RedRoomRewards."""

    gate = "linked"
    kind, code = Kind.FORBIDDEN, "NOT_LINKED"
    message = "Link your RedRoomRewards membership first. Nothing was taken."


class NotDead(Refused):
    """An operation that is still worked on, or whose key was used with another body, is not sent again by staff."""

    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "This operation cannot be sent again."


class RemoteRefusal(Exception):
    """RedRoomRewards answered that it does not do what was asked; `code` is its own word. Asking again is no use.

    `is_proof`: nothing was carried out under this key, by an earlier try either.
    """

    is_proof = False

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class RemoteInsufficient(RemoteRefusal):
    """The member has fewer points than asked for; `current`: how many, None if it did not say."""

    is_proof = True

    def __init__(self, current: int | None) -> None:
        self.current = current
        super().__init__("INSUFFICIENT_BALANCE")


class RemoteUnknownUser(RemoteRefusal):
    """RedRoomRewards knows no member by this user id."""

    is_proof = True

    def __init__(self) -> None:
        super().__init__("INVALID_USER")


KEY_MISMATCH = "IDEMPOTENCY_KEY_REUSE_MISMATCH"


class KeyMismatch(RemoteRefusal):
    """The key was used there with another body: a defect of ours, which is never sent again."""

    def __init__(self) -> None:
        super().__init__(KEY_MISMATCH)


class OutcomeUnknown(Exception):
    """It was sent and no usable answer came: it may have happened. The same key, asked again, tells."""


class AlreadyLinked(Refused):
    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "This account is linked to a membership already. Only support can unlink it."


class AlreadyUnlinked(Refused):
    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "This link was ended before."


class MemberTaken(Refused):
    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "This membership is linked to another account. Support can help."


class CodeRunOut(Refused):
    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "This code has run out. Ask for a new one."
