"""How the pages say a refusal: fact → money → next step. Clock times are UTC here; a module rewrites what it can."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.errors import DomainError
from xxxchat.templatetags.ui import counted, grouped, ordinal


@dataclass(frozen=True)
class Refusal:
    """What happened, then what was (not) taken and what to do next."""

    fact: str
    rest: str = ""

    def __str__(self) -> str:
        return f"{self.fact} {self.rest}".strip()


@dataclass(frozen=True)
class About:
    """Whom a refusal is about."""

    performer: str = "The performer"


Say = Callable[[DomainError, About], Refusal]


def _balance(error: DomainError, about: About) -> Refusal:
    available, needed = error.details.get("available", 0), error.details.get("needed", 0)
    if error.details.get("currency") == "POINT":
        return Refusal(f"{counted(available, 'point')} available, {grouped(needed)} needed.", "Nothing was taken.")
    rest = f"Nothing was held. Pick an item up to {grouped(available)}." if available else "Nothing was held."
    return Refusal(f"{counted(available, 'token')} available, {grouped(needed)} needed.", rest)


def _least(error: DomainError, about: About) -> Refusal:
    return Refusal(f"The least to pay out is {counted(error.details['minimum'], 'token')}.", "Nothing was moved.")


def _price(error: DomainError, about: About) -> Refusal:
    price, was = error.details["price"], error.details["expectedPrice"]
    return Refusal(
        f"Price is now {counted(price, 'token')}, it was {grouped(was)}.", f"Nothing was held. Buy at {grouped(price)}?"
    )


def _full(error: DomainError, about: About) -> Refusal:
    most = error.details.get("maxDepth")
    fact = f"{about.performer}’s line is full" + (f": {most} of {most}." if most else ".")
    return Refusal(fact, "Nothing was held. A place opens when a turn ends.")


def _most(error: DomainError, about: About) -> Refusal:
    most = error.details.get("cap")
    fact = (
        f"You have {counted(most, 'request')} waiting here, the most at one time."
        if most
        else "You have no more places here."
    )
    return Refusal(fact, "Nothing was held. Leave one, or wait for your turn.")


def _hour(error: DomainError, about: About) -> Refusal:
    limit = error.details.get("limit", 100)
    back = error.details.get("resetsAt")
    next_one = f"The next one comes back at {back.astimezone(UTC):%H:%M} UTC. " if isinstance(back, datetime) else ""
    return Refusal(f"You used all {limit} spins this hour.", f"{next_one}Nothing was taken.")


def _fast(error: DomainError, about: About) -> Refusal:
    wait = timedelta(seconds=error.retry_after_s or 1)
    return Refusal(f"Ready in {max(1, -(-wait // timedelta(seconds=1)))} s.", "This press did not spin.")


def _said(fact: str, rest: str = "") -> Say:
    return lambda error, about: Refusal(fact.format(performer=about.performer), rest.format(performer=about.performer))


SAY: dict[str, Say] = {
    "INSUFFICIENT_BALANCE": _balance,
    "PAYOUT_TOO_SMALL": _least,
    "PRICE_CHANGED": _price,
    "QUEUE_FULL": _full,
    "USER_QUEUE_LIMIT": _most,
    "RATE_LIMIT_EXCEEDED": _hour,
    "SPIN_TOO_FAST": _fast,
    "QUEUE_PAUSED": _said(
        "{performer} paused the line.", "Nothing was held. Places are kept; ask again when it goes on."
    ),
    "QUEUE_CLOSED": _said("{performer}’s line is closed.", "Nothing was held."),
    "ITEM_UNAVAILABLE": _said("This is not offered at the moment.", "Nothing was held. Pick something else."),
    "ROPE_DROP_EXPIRED": _said("Time to start ran out.", "The tokens went back, and the next request moved up."),
    "DEADLINE_PASSED": _said("Time to finish ran out.", "The tokens went back."),
    "NOT_HEAD_OF_QUEUE": _said("This request is not the next one.", "Nothing was changed. Start the one on top."),
    "ALREADY_STARTED": _said("Somebody is on stage already.", "Nothing was changed. Finish that one first."),
    "INVALID_TRANSITION": _said(
        "This request moved on in the meantime.", "Nothing was changed. You see it as it is now."
    ),
    "SPLIT_MISMATCH": _said(
        "The two parts must add up to what is held.", "Nothing was paid. At least 1 token goes to you."
    ),
    "HOLD_CLOSED": _said("These tokens have been paid or returned already.", "Nothing was changed."),
    "PAYTABLE_CHANGED": _said(
        "The paytable changed while you were here.", "Nothing was taken. See the new odds, then spin."
    ),
    "COMMITMENT_STALE": _said(
        "You spun somewhere else in the meantime.", "Nothing was taken. See the new seal, then spin."
    ),
    "GAME_DISABLED": _said("The machine is closed for now.", "Nothing was taken."),
    "AGE_VERIFICATION_REQUIRED": _said("Your age must be verified first.", "Nothing was taken."),
    "TERMS_NOT_ACCEPTED": _said("The terms have a new version.", "Nothing was taken. Read and accept it first."),
    "ROLE_NOT_ALLOWED": _said("Your account’s role cannot do this.", "Nothing was changed."),
    "FORBIDDEN": _said("This is not yours to do.", "Nothing was changed."),
    "WALLET_FROZEN": _said(
        "Your wallet is being checked and cannot pay now.", "Nothing was held. Refunds still arrive."
    ),
    "LEDGER_UNAVAILABLE": _said(
        "Payments are paused on our side.", "Nothing was held. Try again in a minute; your tokens are safe."
    ),
    "QUEUE_BUSY": _said("Too many people are doing this at the moment.", "Nothing was taken. Try again."),
    "REQUEST_IN_PROGRESS": _said("Still working on your first press.", "It counts once. Look again in a moment."),
    "IDEMPOTENCY_KEY_REUSED": _said(
        "This form was sent before with other values.", "The first one counts. Load the page again."
    ),
    "VALIDATION_FAILED": _said(
        "Something in the form cannot be used.", "Nothing was taken. Check it and send it again."
    ),
}


def refusal(error: DomainError, about: About | None = None) -> Refusal:
    """Say a refusal in the pages' words, or in its own when they have none."""
    say = SAY.get(error.code)
    return say(error, about or About()) if say else Refusal(error.text)


def in_line(position: int, title: str, tokens: int) -> str:
    place = "next" if position == 1 else f"{ordinal(position)} in line"
    return f"You are {place} for {title}. {counted(tokens, 'token')} held."
