"""The services of the slot machine.

``SpinBatch`` is the only command of players, in two parts (``IntentBatch``, ``SettleBatch``) where RedRoomRewards pays;
``draft``, ``approve``, ``activate``, ``retire`` and ``discard`` are those of staff, with ``ask_for_review``,
``ask_reopening`` and ``decide_reopening``.
The others read, prepare (``seed_reference``), verify (``verify``), watch (``watch``) or reconcile (``resolve_intent``).
"""

from slots.draw import commitment
from slots.gates import Session
from slots.sealing import newest_key_id
from slots.services.archive_watch import archive_health, watch_archives
from slots.services.archives import (
    archive_spins,
    archived_spin,
    check_archives,
    export_spins,
    restore_spins,
)
from slots.services.archiving import public_key
from slots.services.checking import check_figures, last_check
from slots.services.counting import count_spins
from slots.services.detaching import detach_months
from slots.services.figures import MOST_DAYS, MOST_SINCE, Stats, stats, usual_span
from slots.services.gating import SpinInput, limits, record_refusal
from slots.services.intents import RETRY_AFTER_S, Attempt, IntentBatch, OpenIntent
from slots.services.lifecycle import (
    PAYTABLE_READERS,
    PAYTABLE_ROLES,
    activate,
    approve,
    discard,
    draft,
    list_paytables,
    paytables_waiting,
    retire,
    steps_of,
)
from slots.services.origins import prune_origins
from slots.services.own_data import erase_person, own_data
from slots.services.past import (
    SCANNED_SPINS,
    KindHits,
    Totals,
    kinds_won,
    past_in_archives,
    past_spins,
    past_totals,
    proven_spin,
    stretch_of,
)
from slots.services.paytables import make_partitions, seed_reference
from slots.services.reading import (
    HourlyUse,
    config,
    fairness,
    history,
    hourly_use,
    session,
    spin_of,
    spins_per_player,
)
from slots.services.reality import answer_reality_check
from slots.services.reopening import ask_reopening, decide_reopening, waiting_reopenings
from slots.services.resolving import resolve_intent
from slots.services.returns import returns
from slots.services.reviewing import approvers_of, ask_for_review, review_requests
from slots.services.seeds import rotate_seeds, states_by_key
from slots.services.settling import Deducted, NotDeducted, SettleBatch, Settlement, Unanswered
from slots.services.spinning import SpinBatch, SpinResult
from slots.services.verifying import verify
from slots.services.watching import watch, watched
from slots.words import alike_text, plural

__all__ = [
    "MOST_DAYS",
    "MOST_SINCE",
    "PAYTABLE_READERS",
    "PAYTABLE_ROLES",
    "RETRY_AFTER_S",
    "SCANNED_SPINS",
    "Attempt",
    "Deducted",
    "HourlyUse",
    "IntentBatch",
    "KindHits",
    "NotDeducted",
    "OpenIntent",
    "Session",
    "SettleBatch",
    "Settlement",
    "SpinBatch",
    "SpinInput",
    "SpinResult",
    "Stats",
    "Totals",
    "Unanswered",
    "activate",
    "alike_text",
    "answer_reality_check",
    "approve",
    "approvers_of",
    "archive_health",
    "archive_spins",
    "archived_spin",
    "ask_for_review",
    "ask_reopening",
    "check_archives",
    "check_figures",
    "commitment",
    "config",
    "count_spins",
    "decide_reopening",
    "detach_months",
    "discard",
    "draft",
    "erase_person",
    "export_spins",
    "fairness",
    "history",
    "hourly_use",
    "kinds_won",
    "last_check",
    "limits",
    "list_paytables",
    "make_partitions",
    "newest_key_id",
    "own_data",
    "past_in_archives",
    "past_spins",
    "past_totals",
    "paytables_waiting",
    "plural",
    "proven_spin",
    "prune_origins",
    "public_key",
    "record_refusal",
    "resolve_intent",
    "restore_spins",
    "retire",
    "returns",
    "review_requests",
    "rotate_seeds",
    "seed_reference",
    "session",
    "spin_of",
    "spins_per_player",
    "states_by_key",
    "stats",
    "steps_of",
    "stretch_of",
    "usual_span",
    "verify",
    "waiting_reopenings",
    "watch",
    "watch_archives",
    "watched",
]
