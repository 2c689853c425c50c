"""A worker that has done a task and not yet acknowledged it: `python -m tests.faults.worker <file>`.

The first process of its pool that ends a task writes the file and then stands still, until it is killed. Everything
else is the product's own application, settings and tasks; a worker that starts gives out again what nobody has
acknowledged for VISIBLE_AFTER_S.
"""

import sys
import threading
from pathlib import Path
from typing import Any

from celery import signals

from xxxchat.celery import app

VISIBLE_AFTER_S = 1


def main(note: Path) -> None:
    app.conf.broker_transport_options = {"visibility_timeout": VISIBLE_AFTER_S}

    def stand_still(task_id: str, **facts: Any) -> None:
        note.write_text(task_id)
        threading.Event().wait()

    signals.task_postrun.connect(stand_still, weak=False)
    app.worker_main(["worker", "--concurrency", "1", "--loglevel", "WARNING", "--without-mingle", "--without-gossip"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
