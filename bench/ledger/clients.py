"""One Python client: `python -m bench.ledger.clients service|orm <seconds> <seed>`.

It opens holds one after the other, as a request does: through the service, or through the same flow written with the
ORM (`bench.ledger.orm`). It prints `ready`, waits for a line, and prints how many it opened in the time given.
"""

import os
import random
import sys
import time
from collections.abc import Callable
from itertools import accumulate
from uuid import UUID

import django

from bench.ledger.books import FIRST_PERFORMER, PAYERS, PERFORMERS, PRICE, person
from bench.ledger.scripts import EXPIRES_S, ZIPF

WARM_UP = 20
DRAWN = 200_000


def main(way: str, seconds: float, seed: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xxxchat.settings")
    django.setup()
    from django.db import connection

    draw = random.Random(seed)
    weights = list(accumulate(n**-ZIPF for n in range(1, PAYERS + 1)))
    payers = draw.choices(range(1, PAYERS + 1), cum_weights=weights, k=DRAWN)
    spread = random.Random(0).sample(range(1, PAYERS + 1), PAYERS)  # the frequent payers: the same for every client
    hold = WAYS[way]()

    def one(place: int) -> None:
        hold(person(spread[payers[place] - 1]), person(FIRST_PERFORMER + draw.randrange(PERFORMERS)))

    for place in range(WARM_UP):
        one(place)
    print("ready", flush=True)
    sys.stdin.readline()
    ends, done = time.perf_counter() + seconds, 0
    while time.perf_counter() < ends:
        one(WARM_UP + done)
        done += 1
    print(done, flush=True)
    connection.close()


def through_the_service() -> Callable[[UUID, UUID], object]:
    from core.ids import new_id
    from escrow.services import Currency, HoldRequest, Payee, hold

    def one(payer: UUID, payee: UUID) -> object:
        terms = Payee(payee), Currency.TOKEN, PRICE, "bench"
        return hold(HoldRequest(new_id(), str(new_id()), payer, *terms, expires_in_s=EXPIRES_S))

    return one


def through_the_orm() -> Callable[[UUID, UUID], object]:
    from bench.ledger.orm import hold

    return lambda payer, payee: hold(payer, payee, PRICE)


WAYS = {"service": through_the_service, "orm": through_the_orm}

if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
