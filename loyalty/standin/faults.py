"""Faults of the stand-in, by command (`POST /standin/faults`) or by a call's own header (`X-Standin-Fault`).

A rule fires for a share of the calls (`rate`), for the next ones (`count`), or for all. Each rule draws from its own
seeded source, so that the same calls in the same order meet the same faults. Of several rules that fire, latencies add
up and the first of the others counts.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from loyalty.standin.fields import Fields, invalid, one_of

HEADER = "X-Standin-Fault"
DEFAULT_MS = 1_000
DEFAULT_RETRY_AFTER_S = 1


class Kind(StrEnum):
    """What goes wrong."""

    LATENCY = "latency"  # half of it before the call is carried out, half before its answer
    ERROR_500 = "error_500"  # SYSTEM_ERROR: nothing happened
    ERROR_503 = "error_503"
    RATE_LIMITED = "rate_limited"  # 429 with Retry-After
    DROP_BEFORE = "drop_before"  # the connection is closed and nothing happened
    DROP_AFTER = "drop_after"  # it is carried out, and the connection is closed without an answer
    EXPIRED_TOKEN = "expired_token"  # noqa: S105  a fault's name: the call's token does not hold any more
    DUPLICATE = (
        "duplicate"  # a call arrives twice, its answer is the second's (DUPLICATE_TRANSACTION); an event is sent twice
    )
    WRONG_SIGNATURE = "wrong_signature"  # of an event


OF_CALLS = frozenset(Kind) - {Kind.WRONG_SIGNATURE}
OF_EVENTS = frozenset({Kind.DUPLICATE, Kind.WRONG_SIGNATURE})


@dataclass
class Rule:
    """One fault. `path`: what the path of a call ends with; `left`: for how many more calls, None without end."""

    kind: Kind
    path: str = ""
    rate: float = 1.0
    left: int | None = None
    ms: int = DEFAULT_MS
    retry_after_s: int = DEFAULT_RETRY_AFTER_S
    draws: Random = field(default_factory=Random)

    def fires(self, path: str) -> bool:
        """Whether it is this call's turn; counts it."""
        if not path.endswith(self.path) or self.left == 0:
            return False
        if self.rate < 1.0 and self.draws.random() >= self.rate:
            return False
        if self.left is not None:
            self.left -= 1
        return True


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to one call."""

    delay_s: float = 0.0
    kind: Kind | None = None
    retry_after_s: int = DEFAULT_RETRY_AFTER_S


NOTHING = Plan()


class Faults:
    """The rules in force. `fired` counts the faults by kind."""

    def __init__(self, seed: int) -> None:
        self.rules: list[Rule] = []
        self.fired: Counter[str] = Counter()
        self._seed = seed

    def add(self, fields: Fields) -> Rule:
        """Put a rule in force. Raises Refused if its fields are not right."""
        rule = rule_of(fields)
        rule.draws.seed(fields.get("seed", self._seed + len(self.rules)))
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Take every rule out of force."""
        self.rules.clear()

    def plan(self, path: str, header: str | None = None, kinds: Collection[Kind] = OF_CALLS) -> Plan:
        """Return what happens to a call, or to an event. Raises Refused if its header is not right."""
        if not self.rules and header is None:
            return NOTHING
        rules = [*self.rules, *([] if header is None else [_rule_of_header(header)])]
        delay_s, first = 0.0, None
        for rule in rules:
            is_due = rule.kind in kinds and (first is None or rule.kind is Kind.LATENCY)
            if is_due and rule.fires(path):
                self.fired[rule.kind.value] += 1
                if rule.kind is Kind.LATENCY:
                    delay_s += rule.ms / 1000
                else:
                    first = rule
        return Plan(delay_s) if first is None else Plan(delay_s, first.kind, first.retry_after_s)


def rule_of(fields: Fields) -> Rule:
    """Return the rule that the fields of a command describe. Raises Refused."""
    kind = Kind(one_of(fields, "kind", list(Kind)))
    rate, count, path = fields.get("rate", 1.0), fields.get("count"), fields.get("path", "")
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise invalid("rate must be a number from 0 to 1.")
    if not isinstance(path, str):
        raise invalid("path must be the end of a path.")
    return Rule(
        kind,
        path=path,
        rate=float(rate),
        left=None if count is None else _whole(fields, "count", 0),
        ms=_whole(fields, "ms", DEFAULT_MS),
        retry_after_s=_whole(fields, "retryAfter", DEFAULT_RETRY_AFTER_S),
    )


def _rule_of_header(header: str) -> Rule:
    """Return the rule of a header such as `drop_after` or `latency; ms=500`."""
    kind, *more = (part.strip() for part in header.split(";"))
    pairs = (part.partition("=") for part in more)
    numbers = {name.strip(): int(value) for name, _, value in pairs if value.strip().isdigit()}
    if len(numbers) < len(more):
        raise invalid(f"{HEADER} is a kind, and after semicolons name=number.")
    return rule_of({"kind": kind, **numbers})


def _whole(fields: Fields, name: str, default: int) -> int:
    value = fields.get(name, default)
    if type(value) is not int or value < 0:
        raise invalid(f"{name} must be a whole number of 0 or more.")
    return value
