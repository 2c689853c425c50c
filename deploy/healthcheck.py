"""Exit with 0 if a server of this container answers: `python deploy/healthcheck.py PORT PATH`.

For Docker's HEALTHCHECK, so it imports nothing of the product. The request carries a host name that is allowed.
"""

import os
import sys
from http.client import HTTPConnection

ANSWERS_WITHIN_S = 2.0


def main(port: str, path: str) -> int:
    """Return 0 if the server answers below 500: one that is alive refuses what it does not know."""
    link = HTTPConnection("127.0.0.1", int(port), timeout=ANSWERS_WITHIN_S)
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0]
    try:
        link.request("GET", path, headers={"Host": host})
        return int(link.getresponse().status >= 500)
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
