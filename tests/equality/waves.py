"""Requests in waves: those of a wave come at once, and a wave when the last one is answered."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from accounts.models import User
from accounts.tokens import issue
from tests.equality.servers import TIMES, UUIDS, Got, Pair, Sent, ask, signed
from tests.equality.worlds import World, nameless

AT_ONCE = 12
NEW_EACH_TIME = re.compile(r'"(nextCommitment|serverSeed|nextServerSeedHash)":"[0-9a-f]{64}"')
SECONDS = re.compile(r'(?<="retryAfterSeconds":)\d+')
FIGURES = re.compile(r'^xxxchat_(\w+?)(?:_total)?(?:\{operation="([\w.]+)"\})? ([\d.e+]+)$', re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """A request of a person: `code` is that of the refusal it is made for, or "" if it is not made for one."""

    who: User
    path: str
    body: bytes
    key: str
    code: str = ""
    token: str = ""

    def sent(self, number: int) -> Sent:
        token = self.token or issue(self.who).access
        headers = signed(token, **{"Idempotency-Key": self.key, "X-Request-Id": f"request-{number:05}"})
        return Sent(path=self.path, body=self.body, headers=headers)


@dataclass(frozen=True)
class Wave:
    """Cases, after something has been done."""

    cases: Sequence[Case]
    before: Callable[[], object] = field(default=lambda: None)


def made(**members: Any) -> bytes:
    return json.dumps(members).encode()


def answers(port: int, waves: Sequence[Wave], known: frozenset[str]) -> list[Got]:
    """Send the waves; return what was answered, without new ids, times and seeds.

    The answers to requests with the same key in a wave are in an order of their own, since any of them may be first.
    """
    found: list[Got] = []
    for wave in waves:
        wave.before()
        sent = [case.sent(len(found) + place) for place, case in enumerate(wave.cases)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            got = [_plain(each, known) for each in pool.map(lambda each: ask(port, each), sent)]
        twins: dict[tuple[Any, str], list[int]] = {}
        for place, case in enumerate(wave.cases):
            twins.setdefault((case.who.pk, case.key), []).append(place)
        for places in twins.values():
            for place, answer in zip(places, sorted((got[place] for place in places), key=repr), strict=True):
                got[place] = answer
        found += got
    return found


def _plain(got: Got, known: frozenset[str]) -> Got:
    text = UUIDS.sub(lambda found: found[0] if found[0] in known else "<id>", TIMES.sub("<time>", got.body.decode()))
    headers = tuple((name, "<s>" if name == "retry-after" else value) for name, value in got.headers)
    return replace(got, headers=headers, body=SECONDS.sub("<s>", NEW_EACH_TIME.sub(r'"\1":"<new>"', text)).encode())


def codes_of(found: Sequence[Got]) -> Counter[str]:
    """The codes of refusals, and the status of what is none."""
    told = [json.loads(each.body) for each in found]
    return Counter(
        each["error"]["code"] if "error" in each else f"{got.status}" for got, each in zip(found, told, strict=True)
    )


def figures(port: int) -> Counter[str]:
    """The counters of the commands process, as `batch_requests_sum slots.spin`."""
    text = ask(port, Sent(method="GET", path="/metrics", body=b"")).body.decode()
    return Counter({f"{name} {of}".strip(): int(float(value)) for name, of, value in FIGURES.findall(text)})


def both(pair: Pair, waves: Sequence[Wave]) -> tuple[list[Got], Counter[str]]:
    """Send the waves to web, and to the commands process when everything is again as it was.

    Answers and rows must be equal. Return the answers, and what the figures of the commands process grew by.
    """
    world = World.now()
    ordinary, ordinary_rows = answers(pair.web, waves, world.ids), world.written()
    world.again()
    before = figures(pair.commands)
    batched, batched_rows = answers(pair.commands, waves, world.ids), world.written()

    cases = [case for wave in waves for case in wave.cases]
    for case, ours, theirs in zip(cases, batched, ordinary, strict=True):
        assert ours == theirs, f"{case}\n{ours}\n{theirs}"
        code = next(iter(codes_of([ours])))
        assert not case.code or code == case.code, f"{case}\n{ours}"
    for of_batches, alone in zip(batched_rows, ordinary_rows, strict=True):
        found = differences(nameless(of_batches), nameless(alone))
        assert not found, "\n".join(found[:10])
        found = differences(of_batches, alone)
        assert not found, "what belongs to what differs\n" + "\n".join(found[:10])
    return batched, figures(pair.commands) - before


def differences(ours: Counter[str], theirs: Counter[str]) -> list[str]:
    """The rows that are not in both."""
    return [f"batched: {row}" for row in ours - theirs] + [f"ordinary: {row}" for row in theirs - ours]
