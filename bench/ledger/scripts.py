"""The scripts of pgbench: one call of one function of the ledger per transaction, as `tpcb-like` is one transfer.

Values are text in the statement, ids included, as the driver sends them where it does not prepare. An id grows with
every call, as a time-ordered one does: the call's number, then the client's, the load's and the element's.
"""

from collections.abc import Mapping, Sequence

from bench.ledger.books import FEE_BPS, FIRST_NUMBER, FIRST_PERFORMER, HOLD, PAYERS, PERFORMERS, PERSON, PRICE

ZIPF = 1.07

FIRST_CALL = 10**7
CALLS = 10**6  # more than any load has
EXPIRES_S = 36_000  # beyond the end of the bench: nobody sweeps here


def variables(load: int) -> tuple[str, ...]:
    """pgbench's variables for the load of that place in the run: its calls are numbered behind those before it."""
    start = FIRST_CALL + load * CALLS
    return "-D", f"n={start}", "-D", f"start={start}"


_NEXT = "\\set n :n + 1\n\\set client 100 + :client_id\n"
_PAYEE = f"\\set payee {FIRST_NUMBER} + random({FIRST_PERFORMER}, {FIRST_PERFORMER + PERFORMERS - 1})\n"


def hold(payers: str, *, load: int) -> str:
    """One hold. `payers`: pgbench's expression that draws one."""
    return f"{_NEXT}{_PAYEE}\\set payer0 {FIRST_NUMBER} + {payers}\n{_holds(1, load)}"


def holds(length: int, *, load: int) -> str:
    """So many holds in one call, at most 99."""
    draws = "".join(f"\\set payer{n} {FIRST_NUMBER} + {zipf()}\n" for n in range(length))
    return f"{_NEXT}{_PAYEE}{draws}{_holds(length, load)}"


def settle(*, load: int, first: int, share: int) -> str:
    """One settlement with its fee. Each client settles its `share` of the holds from the `first` on, one by one."""
    columns = {
        "operation": [_id(load, 0)], "scope": ["close"], "key": [":hold"], "fingerprint": ['""'],
        "hold": [f"{HOLD}:hold"], "settle": [str(PRICE)], "refund": ["0"], "fee_bps": [str(FEE_BPS)],
        "expired": ["false"], "actor": ["NULL"], "reason": ['""'], "meta": ['"{}"'],
    }  # fmt: skip
    place = f"{FIRST_NUMBER + first - 1} + :client_id * {share} + :n - :start"
    return f"{_NEXT}\\set hold {place}\n{_call('escrow_close', columns)}"


def zipf() -> str:
    """Return the expression of a random payer: a few are drawn often, whatever their number."""
    return f"permute(random_zipfian(1, {PAYERS}, {ZIPF}) - 1, {PAYERS}) + 1"


def among(number: int) -> str:
    """Return the expression of one of a few hot payers."""
    return f"random(1, {number})"


def _holds(number: int, load: int) -> str:
    """The call that opens `number` holds."""
    ids = [_id(load, n) for n in range(number)]
    columns = {
        "operation": ids, "scope": ["bench"] * number, "key": ids, "fingerprint": ['""'] * number, "hold": ids,
        "payer": [f"{PERSON}:payer{n}" for n in range(number)], "payee": [f"{PERSON}:payee"] * number,
        "house": ["NULL"] * number, "currency": ["TOKEN"] * number, "amount": [str(PRICE)] * number,
        "feature": ["bench"] * number, "source": ['""'] * number, "expires_s": [str(EXPIRES_S)] * number,
        "actor": ["NULL"] * number, "reason": ['""'] * number, "meta": ['"{}"'] * number,
    }  # fmt: skip
    return _call("escrow_hold", columns)


def _call(function: str, columns: Mapping[str, Sequence[str]]) -> str:
    arrays = ", ".join(f"p_{name} => '{{{','.join(values)}}}'" for name, values in columns.items())
    return f"SELECT code FROM {function}({arrays});\n"


def _id(load: int, element: int) -> str:
    return f":n-0:client-7{load:03}-80{element:02}-{0:012}"
