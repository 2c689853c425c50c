"""The services of compliance: where a request comes from, the gates before a command, what they refuse, the terms, and
markers: what staff should look at."""

from compliance.models.markers import MarkerKind
from compliance.services.ages import age_cases, age_state_of, ages_waiting, decide_age
from compliance.services.breaks import (
    BreakView,
    ExclusionSpan,
    TimeOutSpan,
    break_end,
    exclude_self,
    is_later,
    take_time_out,
)
from compliance.services.gates import check
from compliance.services.limits import (
    MAX_LIMIT,
    PRESETS,
    REALITY_EVERY_MINUTES,
    ComesBack,
    LimitsView,
    confirm_limit,
    limits_of,
    next_back,
    set_limit,
)
from compliance.services.markers import mark, markers_waiting, open_markers
from compliance.services.origins import origin_of
from compliance.services.own_data import erase_person, own_data
from compliance.services.places import policy_of, seed_policies, set_policy
from compliance.services.reading import Play
from compliance.services.recording import GateRefusal, record_refusal, refusals
from compliance.services.refused import RefusalCount, refusal_counts
from compliance.services.signing_up import may_sign_up_from, note_sign_up
from compliance.services.spending import assert_within_limits, check_spending
from compliance.services.standings import Standing, standing, standing_of, standings
from compliance.services.terms import (
    SignedIn,
    accept_terms,
    current_terms_version,
    publish_demo_terms,
    seed_terms,
    signed_in,
    terms_of,
)

__all__ = [
    "MAX_LIMIT",
    "PRESETS",
    "REALITY_EVERY_MINUTES",
    "BreakView",
    "ComesBack",
    "ExclusionSpan",
    "GateRefusal",
    "LimitsView",
    "MarkerKind",
    "Play",
    "RefusalCount",
    "SignedIn",
    "Standing",
    "TimeOutSpan",
    "accept_terms",
    "age_cases",
    "age_state_of",
    "ages_waiting",
    "assert_within_limits",
    "break_end",
    "check",
    "check_spending",
    "confirm_limit",
    "current_terms_version",
    "decide_age",
    "erase_person",
    "exclude_self",
    "is_later",
    "limits_of",
    "mark",
    "markers_waiting",
    "may_sign_up_from",
    "next_back",
    "note_sign_up",
    "open_markers",
    "origin_of",
    "own_data",
    "policy_of",
    "publish_demo_terms",
    "record_refusal",
    "refusal_counts",
    "refusals",
    "seed_reference",
    "set_limit",
    "set_policy",
    "signed_in",
    "standing",
    "standing_of",
    "standings",
    "take_time_out",
    "terms_of",
]


def seed_reference() -> None:
    """Insert the first version of the terms and, in a demo or test, its policies. Idempotent; start-up calls it."""
    seed_terms()
    seed_policies()
