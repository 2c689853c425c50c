"""Each stream is an open file, and the usual limit for a process is 1,024."""

import resource

RESERVED = 100
"""For the database, logs and connections that are being refused."""


def allow(streams: int) -> int:
    """Raise the soft limit of open files to what so many streams need; return how many the hard limit allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = hard if hard != resource.RLIM_INFINITY else streams + RESERVED
    needed = min(streams + RESERVED, most)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return max(0, min(streams, most - RESERVED))
