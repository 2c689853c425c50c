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

from bench import loads, profile, report
from bench.running import Run
from bench.yardstick import CLIENTS, SCALE


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["main-job", "profile"], default="main-job")
    parser.add_argument("--seconds", type=int, choices=range(1, 61), default=15, metavar="1-60", help="each load (15)")
    parser.add_argument("--buyers", type=int, default=12_000, help="people who have spun once (12000)")
    parser.add_argument("--performers", type=int, default=100, help="queues they join (100)")
    parser.add_argument("--only", action="append", choices=loads.NAMES, metavar="NAME", help="this load; repeatable")
    parser.add_argument("--web", type=int, default=2, help="web processes (2)")
    parser.add_argument("--scale", type=int, default=SCALE, help=f"of pgbench's tables ({SCALE})")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, as the last line")
    parser.add_argument("--keep", action="store_true", help="write the figures to bench/reports/")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the loads on a fresh stack, what is paid elsewhere on another, and put their figures together."""
    names, run = loads.chosen(options.only), Run(options)
    run.here([name for name in names if name != loads.ELSEWHERE])
    if loads.ELSEWHERE in names:
        run.elsewhere()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": report.commit(),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "options": vars(options),
        "yardstick": {"scale": options.scale, "clients": CLIENTS},
        "pgbench": [round(each, 1) for each in run.tps],
        "loads": report.beside(run.figures, run.tps),
        "ledger": run.is_right,
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
