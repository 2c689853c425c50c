"""`python -m bench`: the product over HTTP beside pgbench on the same server, in one run. README.md says what each is.

`python -m bench profile`: where the time of one spin, purchase, start and finish goes.
"""

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from typing import Any

from bench import loads, profile, report, world
from bench.proofs import verified
from bench.queues import Queues
from bench.yardstick import CLIENTS, SCALE, Yardstick
from xxxchat.stack import Stack

SETTINGS = {"LOG_LEVEL": "WARNING", "LIVE_STREAMS_PER_ADDRESS": str(loads.STREAMS)}
"""Every limit is the default one but this: all streams come from one address."""
STARTED_WITHIN_S = 300.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["main-job", "profile"], default="main-job")
    parser.add_argument("--seconds", type=int, choices=range(1, 61), default=15, metavar="1-60", help="each load (15)")
    parser.add_argument("--buyers", type=int, default=12_000, help="people who have spun once (12000)")
    parser.add_argument("--performers", type=int, default=100, help="queues they join (100)")
    parser.add_argument("--only", action="append", choices=loads.NAMES, metavar="NAME", help="this load; repeatable")
    parser.add_argument("--web", type=int, default=2, help="web processes (2)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, as the last line")
    parser.add_argument("--keep", action="store_true", help="write the figures to bench/reports/")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the loads on one fresh stack; before and after each the yardstick, and a verification of everything."""
    with Stack(env=SETTINGS, web_processes=options.web, started_within_s=STARTED_WITHIN_S) as stack:
        print(f"Making {options.buyers} buyers, who spin once, and {options.performers} performers.", flush=True)
        people = world.make(stack.environment, buyers=options.buyers, performers=options.performers)
        queues = Queues(stack.url, stack.database_url, people)
        yardstick = Yardstick(stack.database_url)
        tps, figures, is_right = [yardstick.tps(options.seconds)], {}, True
        for name in options.only or loads.NAMES:
            figures[name] = loads.run(name, stack, queues, options.seconds)
            tps.append(yardstick.tps(options.seconds))
            is_right &= verified(stack)
            print(report.progress(name, figures[name], tps[-2:]), flush=True)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": report.commit(),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "options": vars(options),
        "yardstick": {"scale": SCALE, "clients": CLIENTS},
        "pgbench": [round(each, 1) for each in tps],
        "loads": report.beside(figures, tps),
        "ledger": is_right,
    }


def main() -> None:
    options = arguments()
    if options.what == "profile":
        profile.run()
        return
    figures = measure(options)
    print(report.table(figures))
    if options.keep:
        print(f"Written to {report.keep(figures, 'main-job')}.")
    if options.json:
        print(json.dumps(report.summary(figures)))
    sys.exit(0 if figures["ledger"] else 1)


if __name__ == "__main__":
    main()
