"""The mutants of the slot machine and of compliance: the draw, its seeds, the gates, the limits, their windows."""

from collections.abc import Sequence

from tests.mutants.kinds import changed, rewritten

DRAW, SHEET = ("slots/tests/test_draw.py",), ("slots/tests/test_par.py", "slots/tests/test_enumerations.py")
GATES, SPINNING = ("slots/tests/test_gates.py",), ("slots/tests/test_spinning.py",)
CHAIN = ("slots/tests/test_chain.py", "slots/tests/test_verifying.py")
EDGES, LIMITS = ("slots/tests/test_edges.py",), ("compliance/tests/test_limits.py",)
DRIFT, LUCK = ("slots/tests/test_drift.py",), ("slots/tests/test_luck.py",)


def spinning(test: str) -> Sequence[str]:
    return (f"slots/tests/test_spinning.py::test_{test}",)


GAMES = (
    # --- the draw
    rewritten("words that favour low tickets are drawn", "slots.draw", "if integer < _limit(table.tickets):",
              "if integer >= 0:", DRAW),
    rewritten("the first word too many is drawn", "slots.draw", "if integer < _limit(", "if integer <= _limit(", DRAW),
    rewritten("the words of a draw repeat", "slots.draw", "block += 1", "block += 0", DRAW),
    rewritten("words are read backwards", "slots.draw", '">4Q"', '"<4Q"', DRAW),
    rewritten("a draw leaves out the client's nonce", "slots.draw", "+ text + client_nonce", "+ text", DRAW),
    rewritten("a draw leaves out the nonce", "slots.draw", '">QH", nonce,', '">QH", 0,', DRAW),
    rewritten("a draw leaves out the client's seed", "slots.draw", "len(text)) + text +", "len(text)) +", DRAW),
    rewritten("a draw leaves out the length of the client's seed", "slots.draw", '">QH", nonce, len(text))',
              '">Q", nonce)', DRAW),
    rewritten("a draw leaves out the paytable", "slots.draw", "_DOMAIN + digest +", "_DOMAIN +", DRAW),
    rewritten("weights are swapped", "slots.draw", "for symbol in self.symbols for _ in",
              "for symbol in reversed(self.symbols) for _ in", DRAW),
    rewritten("two reels are swapped", "slots.draw", "self.strip[first], self.strip[second]",
              "self.strip[second], self.strip[first]", DRAW),
    rewritten("three alike pay a point more", "slots.draw", "return self.triple_pays[first]",
              "return self.triple_pays[first] + 1", DRAW),
    rewritten("a pair pays a point less", "slots.draw", "                return pay\n",
              "                return pay - 1\n", DRAW),
    rewritten("a pair anywhere is one of the first two reels", "slots.draw", "symbols.count(name) == 2",
              "first == second == name", DRAW),
    rewritten("a sheet counts combinations, not tickets", "slots.par", "prod(symbol.weight for symbol in stops)", "1",
              SHEET),
    rewritten("a variance is about nought", "slots.par", "- self.rtp**2", "", SHEET),
    # --- seeds, nonces and the chain
    rewritten("all seeds are the same", "slots.sealing", "return secrets.token_bytes(SEED_BYTES)",
              "return bytes(SEED_BYTES)", spinning("no_seed_is_used_twice")),
    rewritten("a revealed seed is sealed for the next spin", "slots.services.storage",
              "seal(decision.request.next_seed", "seal(decision.context.seed", SPINNING),
    rewritten("the commitment is that of the revealed seed", "slots.services.spun",
              "draw.commitment(request.next_seed)", "draw.commitment(context.seed)", SPINNING),
    rewritten("the player's nonce is replaced", "slots.services.gating",
              "given.client_nonce or secrets", "secrets", SPINNING),
    changed("a nonce is skipped", "slots_store", "SET nonce = n.nonce + 1", "SET nonce = n.nonce + 2", SPINNING),
    changed("a commitment stays", "slots_store", "commitment = n.next_commitment", "commitment = s.commitment",
            SPINNING),
    changed("a chain stays at its start", "slots_store", "chain = n.chain", "chain = s.chain", CHAIN),
    rewritten("the chain leaves out the ticket", "slots.chain", "orjson.dumps(record,",
              'orjson.dumps({name: record[name] for name in record if name != "ticket"},', CHAIN),
    rewritten("the chain forgets what came before", "slots.chain", "sha256(head + orjson", "sha256(orjson", CHAIN),
    # --- the gates and their order
    rewritten("the pace is asked before the reality check", "slots.gates",
              "    _check_reality(context)\n    _check_pace(context, limits)\n",
              "    _check_pace(context, limits)\n    _check_reality(context)\n", GATES),
    rewritten("spending is asked before the pace", "slots.gates",
              "    _check_pace(context, limits)\n    _check_spending(request.bet, context, limits)\n",
              "    _check_spending(request.bet, context, limits)\n    _check_pace(context, limits)\n", GATES),
    rewritten("the age is asked before breaks", "compliance.services.gates",
              "    if feature in allowed:\n        _check_breaks(standing)\n    _check_age(standing)\n",
              "    _check_age(standing)\n    if feature in allowed:\n        _check_breaks(standing)\n", GATES),
    rewritten("a time-out is asked before an exclusion", "compliance.services.gates", "if standing.is_excluded:",
              "if standing.is_excluded and standing.timed_out_until is None:", GATES),
    rewritten("terms of one version before will do", "compliance.services.gates",
              "terms_version < standing.current_terms", "terms_version < standing.current_terms - 1", GATES),
    rewritten("any paytable may have been shown", "slots.gates",
              "if request.paytable_digest not in (None, table.digest):", "if False:", GATES),
    rewritten("any bet will do", "slots.gates", "if request.bet != table.unit:", "if request.bet < 1:", GATES),
    rewritten("a reality check is due a moment late", "slots.gates", ">= REALITY_EVERY:", "> REALITY_EVERY:", GATES),
    rewritten("the interval ends a moment late", "slots.gates", "if wait > timedelta(0):", "if wait >= timedelta(0):",
              GATES),
    rewritten("one spin more than the hour allows", "slots.gates", "context.used >= limits.spins_per_hour",
              "context.used > limits.spins_per_hour", GATES),
    rewritten("a stake that just fits is refused", "slots.gates", "used + bet > limit:", "used + bet >= limit:", GATES),
    rewritten("the stake itself is not counted", "slots.gates", "used + bet > limit:", "used > limit:", GATES),
    rewritten("the higher of two limits holds", "slots.gates", "own <= cap", "own >= cap", GATES),
    # --- limits and windows
    rewritten("a looser limit holds at once", "compliance.services.limits", "present is None or amount < present",
              "present is None or amount != present", LIMITS),
    rewritten("a looser limit is confirmed at once", "compliance.services.limits",
              "if now < waiting.effective_at:", "if now < limit.asked_at:", LIMITS),
    rewritten("a looser limit never lapses", "compliance.services.limits", " or limit.confirm_by <= now", "", LIMITS),
    rewritten("a shorter break takes the place of a longer one", "compliance.services.breaks",
              "if running is not None and not is_later(until, running.until):", "if False:",
              ("compliance/tests/test_breaks.py",)),
    changed("an exclusion bars nobody", "compliance_load", "coalesce(b.is_excluded, false)", "false",
            ("compliance/tests/test_breaks.py",)),
    changed("the first policy of a region holds", "compliance_load", "ORDER BY v.number DESC", "ORDER BY v.number",
            ("compliance/tests/test_gates.py",)),
    changed("a spin of just an hour ago is in the hour", "slots_used", "p.at > p_since", "p.at >= p_since", EDGES),
    changed("the pointer to a spin of just an hour ago is trusted", "slots_window",
            "p_state.window_at > p_now - interval '1 hour'", "p_state.window_at >= p_now - interval '1 hour'", EDGES),
    changed("a stake of just a day ago is in the day", "slots_first_since", "p.at > p_since", "p.at >= p_since", EDGES),
    changed("the pointer to a stake of just a day ago is trusted", "slots_windows",
            "p_state.day_at > p_now - interval '24 hours'", "p_state.day_at >= p_now - interval '24 hours'", EDGES),
    changed("a week has six days", "slots_windows", "interval '7 days'", "interval '6 days'", EDGES),
    # --- the watch
    rewritten("a return that is too low is never judged", "slots.drift", "squared >= DISABLE_AT**2:",
              "(squared >= DISABLE_AT**2 and paid > staked * par.rtp):", DRIFT),
    rewritten("a return is judged from the first spin on", "slots.drift", "if spins < least:", "if False:", DRIFT),
    rewritten("a return is judged a spin late", "slots.drift", "if spins < least:", "if spins <= least:", DRIFT),
    rewritten("a machine stays open at just 4.4", "slots.drift", "squared >= DISABLE_AT**2",
              "squared > DISABLE_AT**2", DRIFT),
    rewritten("no warning is given at just 3.3", "slots.drift", "squared >= WARN_AT**2", "squared > WARN_AT**2", DRIFT),
    rewritten("a return deviates like that of one spin", "slots.drift", "spread = spins * par.unit**2",
              "spread = par.unit**2", DRIFT),
    rewritten("the first judged look is taken late", "slots.drift", "(spins - least if spins >= least else spins)",
              "spins", DRIFT),
    rewritten("luck of one in a million is improbable", "slots.luck", "Fraction(1, 10**8)", "Fraction(1, 10**6)", LUCK),
    rewritten("the least improbable luck is none", "slots.luck", "if hits >= least:", "if hits > least:", LUCK),
    rewritten("higher awards are no luck of a class", "slots.luck", "if pay >= award.pay)", "if pay == award.pay)",
              LUCK),
    rewritten("an award of just 1 % is not rare", "slots.luck", "> RARE:", ">= RARE:", LUCK),
    rewritten("a bound counts one hit too few", "slots.luck", "            return k\n", "            return k - 1\n",
              LUCK),
)  # fmt: skip
