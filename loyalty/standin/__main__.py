"""`python -m loyalty.standin`: what `manage.py loyalty_standin` does, without the time that Django takes to start.

RRR_CLIENT_ID, RRR_CLIENT_SECRET and RRR_WEBHOOK_SECRET come from the environment.
"""

import argparse
import os
import sys

from loyalty.standin import Credentials, Options, run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loyalty.standin", description=__doc__)
    Options.add_arguments(parser)
    options = Options.of(vars(parser.parse_args()))
    names = ("RRR_CLIENT_ID", "RRR_CLIENT_SECRET", "RRR_WEBHOOK_SECRET")
    run(options, Credentials(*(os.environ[name] for name in names)), lambda line: print(line, file=sys.stdout))


if __name__ == "__main__":
    main()
