"""What the commands process does: sizes of batches, who waits, round trips, lost connections, answers."""

from collections import Counter as Counted
from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram

from core.batches import Begun
from core.batching import Outcome, Watch
from core.envelope import STATUS
from core.idempotency import Answer

SIZES = (1, 2, 4, 8, 16, 24, 32, 48, 64)
OPERATIONS = ("slots.spin", "slots.intent", "menus.purchase")
LABEL = ["operation"]
size = Histogram("xxxchat_batch_requests", "Requests in a batch.", LABEL, buckets=SIZES)
waiting = Gauge(
    "xxxchat_batch_waiting", "Requests that waited when the last batch began.", LABEL, multiprocess_mode="livesum"
)
trips = Counter("xxxchat_batch_round_trips", "Round trips to the database for batches.", LABEL)
losses = Counter("xxxchat_batch_connection_losses", "Connections of batches that were lost.", LABEL)
left_out = Counter("xxxchat_batch_left_out", "Requests that no batch could decide: the ordinary endpoint did.", LABEL)
answers = Counter("xxxchat_batch_answers", "Answers given to requests of batches.", ["operation", "status"])
handed_over = Counter("xxxchat_handed_over", "Requests that were not plainly for a batch: the ordinary endpoint's.")
for name in OPERATIONS:  # so that a rate has a zero to start from
    for metric in (size, waiting, trips, losses, left_out):
        metric.labels(name)
    answers.labels(name, "500")


class BatchMetrics(Watch):
    """Counts the work of one batcher."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._size, self._waiting = size.labels(operation), waiting.labels(operation)
        self._trips, self._losses = trips.labels(operation), losses.labels(operation)
        self._left_out = left_out.labels(operation)

    def ran(self, requests: int, left: int) -> None:
        self._size.observe(requests)
        self._waiting.set(left)

    def sent(self) -> None:
        self._trips.inc()

    def lost(self) -> None:
        self._losses.inc()

    def left_out(self) -> None:
        self._left_out.inc()

    def answered(self, outcomes: Sequence[Outcome]) -> None:
        given = [each for each in outcomes if not isinstance(each, Begun)]
        statuses = Counted(each.status if isinstance(each, Answer) else STATUS[each.kind] for each in given)
        for status, number in statuses.items():
            answers.labels(self._operation, str(status)).inc(number)
