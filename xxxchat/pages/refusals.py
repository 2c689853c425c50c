"""Texts of refusals: what happened, what became of the money, what to do next. Clock times are UTC here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.urls import reverse
from django.utils.html import format_html

from core.errors import DomainError
from xxxchat.templatetags.ui import counted, grouped, signed


@dataclass(frozen=True)
class Step:
    """Where the next step is made: a link's words, and the name of its page."""

    label: str
    view: str

    @property
    def href(self) -> str:
        return reverse(self.view)


@dataclass(frozen=True)
class Refusal:
    """`fact` is what happened; `rest` what was (not) taken and what to do next; `step` the page where that is done."""

    fact: str
    rest: str = ""
    step: Step | None = None

    def __str__(self) -> str:
        return f"{self.fact} {self.rest}".strip()

    @property
    def notice(self) -> str:
        """All of it as one paragraph of a page, the step as a link (safe HTML)."""
        if self.step is None:
            return str(self)
        return format_html('{} <a class="link" href="{}">{}</a>', str(self), self.step.href, self.step.label)


WINDOWS = {"24h": "daily", "7d": "7-day", "30d": "30-day"}
Text = Callable[[DomainError, str], Refusal]
"""Makes the refusal of an error; the second argument is the performer's name."""


def _balance(error: DomainError, performer: str) -> Refusal:
    available, needed = error.details.get("available", 0), error.details.get("needed", 0)
    if error.details.get("currency") == "POINT":
        return Refusal(f"{counted(available, 'point')} available, {grouped(needed)} needed.", "Nothing was taken.")
    rest = f"Nothing was held. Pick an item up to {grouped(available)}." if available else "Nothing was held."
    return Refusal(f"{counted(available, 'token')} available, {grouped(needed)} needed.", rest)


def _payout_minimum(error: DomainError, performer: str) -> Refusal:
    return Refusal(f"The least to pay out is {counted(error.details['minimum'], 'token')}.", "Nothing was moved.")


def _price(error: DomainError, performer: str) -> Refusal:
    price, was = error.details["price"], error.details["expectedPrice"]
    return Refusal(
        f"Price is now {counted(price, 'token')}, it was {grouped(was)}.", f"Nothing was held. Buy at {grouped(price)}?"
    )


def _bet(error: DomainError, performer: str) -> Refusal:
    allowed = " or ".join(grouped(bet) for bet in error.details.get("allowed", [100]))
    return Refusal(f"A spin costs {allowed} points here.", "Nothing was taken. Load the page again, then spin.")


def _full(error: DomainError, performer: str) -> Refusal:
    depth = error.details.get("maxDepth")
    fact = f"{performer}’s line is full" + (f": {depth} of {depth}." if depth else ".")
    return Refusal(fact, "Nothing was held. A place opens when a turn ends.")


def _user_limit(error: DomainError, performer: str) -> Refusal:
    cap = error.details.get("cap")
    fact = (
        f"You have {counted(cap, 'request')} waiting here, the most at one time."
        if cap
        else "You have no more places here."
    )
    return Refusal(fact, "Nothing was held. Leave one, or wait for your turn.")


def _hourly_limit(error: DomainError, performer: str) -> Refusal:
    limit = error.details.get("limit", 100)
    at = _clock(error.details.get("resetsAt"))
    reset = f"The next one comes back at {at}. " if at else ""
    return Refusal(f"You used all {limit} spins this hour.", f"{reset}Nothing was taken.")


def _too_fast(error: DomainError, performer: str) -> Refusal:
    wait = timedelta(seconds=error.retry_after_s or 1)
    return Refusal(f"Ready in {max(1, -(-wait // timedelta(seconds=1)))} s.", "This press did not spin.")


def _excluded(error: DomainError, performer: str) -> Refusal:
    until = _day(error.details.get("until"))
    rest = "Nothing was taken. Nobody can end it early. Buying from performers and leaving a line still work."
    return Refusal(f"Excluded until {until}." if until else "Excluded for good.", rest)


def _timed_out(error: DomainError, performer: str) -> Refusal:
    until = _moment(error.details.get("until"))
    return Refusal(
        f"Break until {until}." if until else "You take a break.", "Nothing was taken. Nobody can shorten it."
    )


def _too_young(error: DomainError, performer: str) -> Refusal:
    rest = "Nothing was taken. Is the date of birth wrong? Write to support."
    return Refusal(f"You must be {error.details['minimumAge']} to play here.", rest)


def _place(error: DomainError, performer: str) -> Refusal:
    region = error.details.get("region")
    fact = f"This is not offered where you are ({region})." if region else "The region you are in is unknown."
    return Refusal(fact, "Nothing was taken. Buying from performers still works.")


def _reality_check(error: DomainError, performer: str) -> Refusal:
    minutes, net = error.details["elapsedSeconds"] // 60, error.details["netPoints"]
    fact = f"You have played for {counted(minutes, 'minute')}. Net result {signed(net)} points."
    return Refusal(fact, "Keep playing, take a break or stop?")


def _spend_limit(error: DomainError, performer: str) -> Refusal:
    if "window" not in error.details:  # a service account's cap for one buyer
        return Refusal(error.text)
    details = error.details
    spent, unit = ("spin", "point") if details["currency"] == "POINT" else ("purchase", "token")
    owner = "your" if details["scope"] == "user" else "the house’s"
    limit = f"{WINDOWS[details['window']]} limit of {counted(details['limit'], unit)}"
    frees_at = _clock(details.get("freesAt"))
    frees = f"It frees up from {frees_at}. " if frees_at else ""
    advice = "You can lower it now; raising takes 24 hours." if details["scope"] == "user" else "Nothing was taken."
    return Refusal(f"This {spent} would pass {owner} {limit}.", frees + advice)


def _limit_pending(error: DomainError, performer: str) -> Refusal:
    at = _clock(error.details.get("effectiveAt"))
    return Refusal(f"Not before {at}." if at else "Not yet.", "The old limit holds until you confirm the higher one.")


def _limit_too_high(error: DomainError, performer: str) -> Refusal:
    return Refusal(f"The house’s limit is {grouped(error.details['operatorCap'])}.", "Choose up to that.")


def _clock(at: object) -> str:
    return f"{at.astimezone(UTC):%H:%M} UTC" if isinstance(at, datetime) else ""


def _day(at: object) -> str:
    return f"{at.astimezone(UTC):%-d %B %Y}" if isinstance(at, datetime) else ""


def _moment(at: object) -> str:
    return f"{at.astimezone(UTC):%a %-d %b, %H:%M} UTC" if isinstance(at, datetime) else ""


def _fixed(fact: str, rest: str = "") -> Text:
    return lambda error, performer: Refusal(fact.format(performer=performer), rest.format(performer=performer))


TEXTS: dict[str, Text] = {
    "INSUFFICIENT_BALANCE": _balance,
    "PAYOUT_TOO_SMALL": _payout_minimum,
    "PRICE_CHANGED": _price,
    "QUEUE_FULL": _full,
    "USER_QUEUE_LIMIT": _user_limit,
    "RATE_LIMIT_EXCEEDED": _hourly_limit,
    "SPIN_TOO_FAST": _too_fast,
    "SELF_EXCLUDED": _excluded,
    "TIMED_OUT": _timed_out,
    "AGE_VERIFICATION_FAILED": _too_young,
    "JURISDICTION_BLOCKED": _place,
    "REALITY_CHECK_DUE": _reality_check,
    "SPEND_LIMIT_REACHED": _spend_limit,
    "LIMIT_PENDING": _limit_pending,
    "LIMIT_TOO_HIGH": _limit_too_high,
    "TERMS_OUTDATED": _fixed("The terms have a newer version.", "Nothing was accepted. Read it, then accept it."),
    "QUEUE_PAUSED": _fixed(
        "{performer} paused the line.", "Nothing was held. Places are kept; ask again when it goes on."
    ),
    "QUEUE_CLOSED": _fixed("{performer}’s line is closed.", "Nothing was held."),
    "ITEM_UNAVAILABLE": _fixed("This is not offered at the moment.", "Nothing was held. Pick something else."),
    "ROPE_DROP_EXPIRED": _fixed("Time to start ran out.", "The tokens went back, and the next request moved up."),
    "DEADLINE_PASSED": _fixed("Time to finish ran out.", "The tokens went back."),
    "NOT_HEAD_OF_QUEUE": _fixed("This request is not the next one.", "Nothing was changed. Start the one on top."),
    "ALREADY_STARTED": _fixed("Somebody is on stage already.", "Nothing was changed. Finish that one first."),
    "INVALID_TRANSITION": _fixed(
        "This request moved on in the meantime.", "Nothing was changed. You see it as it is now."
    ),
    "SPLIT_MISMATCH": _fixed(
        "The two parts must add up to what is held.", "Nothing was paid. At least 1 token goes to you."
    ),
    "HOLD_CLOSED": _fixed("These tokens have been paid or returned already.", "Nothing was changed."),
    "PAYTABLE_CHANGED": _fixed(
        "The paytable changed while you were here.", "Nothing was taken. See the new odds, then spin."
    ),
    "COMMITMENT_STALE": _fixed(
        "You spun somewhere else in the meantime.", "Nothing was taken. See the new seal, then spin."
    ),
    "INVALID_BET": _bet,
    "NOT_FOUND": _fixed("This is not here any more.", "Nothing was taken. Load the page again."),
    "UNAUTHENTICATED": _fixed("You are signed out.", "Nothing was taken. Sign in, then press again."),
    "CSRF_FAILED": _fixed("This page is too old to be used.", "Nothing was taken. Load the page again."),
    "GAME_DISABLED": _fixed("The machine is closed for now.", "Nothing was taken. Your points keep; come back later."),
    "AGE_VERIFICATION_REQUIRED": _fixed(
        "Your age must be verified first.", "Nothing was taken. Your account says where that stands."
    ),
    "TERMS_NOT_ACCEPTED": _fixed("The terms have a new version.", "Nothing was taken. Read and accept it first."),
    "ROLE_NOT_ALLOWED": _fixed(
        "Your account’s role cannot do this.", "Nothing was changed. Playing and buying need a user’s account."
    ),
    "FORBIDDEN": _fixed("This is not yours to do.", "Nothing was changed."),
    "WALLET_FROZEN": _fixed(
        "Your wallet is being checked and cannot pay now.",
        "Nothing was held. Refunds still arrive; support says how long it takes.",
    ),
    "LEDGER_UNAVAILABLE": _fixed(
        "Payments are paused on our side.", "Nothing was held. Try again in a minute; your tokens are safe."
    ),
    "QUEUE_BUSY": _fixed("Too many people are doing this at the moment.", "Nothing was taken. Try again."),
    "REQUEST_IN_PROGRESS": _fixed("Still working on your first press.", "It counts once. Look again in a moment."),
    "NOT_LINKED": _fixed("Link RedRoomRewards to spin.", "Nothing was taken."),
    "LOYALTY_UNAVAILABLE": _fixed(
        "RedRoomRewards does not answer.",
        "Points that were taken for a spin come back by themselves. Try again in a minute.",
    ),
    "IDEMPOTENCY_KEY_REUSED": _fixed(
        "This form was sent before with other values.", "The first one counts. Load the page again."
    ),
    "VALIDATION_FAILED": _fixed(
        "Something in the form cannot be used.", "Nothing was taken. Check it and send it again."
    ),
}


LIMITS = Step("Limits and breaks", "limits")
ACCOUNT = Step("Go to your account", "account")
WALLET = Step("Go to your wallet", "wallet")
LOBBY = Step("Go to the lobby", "lobby")
STEPS: dict[str, Step] = {
    "SELF_EXCLUDED": LIMITS,
    "TIMED_OUT": LIMITS,
    "SPEND_LIMIT_REACHED": LIMITS,
    "RATE_LIMIT_EXCEEDED": Step("See what you spun", "slots-history"),
    "AGE_VERIFICATION_REQUIRED": ACCOUNT,
    "AGE_VERIFICATION_FAILED": ACCOUNT,
    "ROLE_NOT_ALLOWED": ACCOUNT,
    "TERMS_NOT_ACCEPTED": Step("Read the terms", "terms"),
    "JURISDICTION_BLOCKED": LOBBY,
    "GAME_DISABLED": LOBBY,
    "REALITY_CHECK_DUE": Step("See time and result", "reality"),
    "PAYTABLE_CHANGED": Step("See the new odds", "slots"),
    "INVALID_BET": Step("Load the machine again", "slots"),
    "INSUFFICIENT_BALANCE": WALLET,
    "WALLET_FROZEN": WALLET,
    "NOT_LINKED": Step("Link your membership", "loyalty"),
    "UNAUTHENTICATED": Step("Sign in", "sign-in"),
}


def refusal_of(error: DomainError, performer: str = "") -> Refusal:
    """The pages' text for an error with its step, or the error's own message where they have none."""
    text = TEXTS.get(error.code)
    refusal = text(error, performer or "The performer") if text else Refusal(error.text)
    return replace(refusal, step=STEPS.get(error.code))
