"""What pgbench sends: one call of one function of the ledger a transaction, as `tpcb-like` is one transfer each.

Values are text in the statement, ids included, as the driver sends them where it does not prepare. An id grows with
every call, as a time-ordered one does: the call's number, then the client's, the load's and the element's.
"""

from bench.ledger.books import FEE_BPS, FIRST_NUMBER, FIRST_PERFORMER, HOLD, PAYERS, PERFORMERS, PERSON, PRICE

ZIPF = 1.07
LIST = 50

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


def holds(*, load: int) -> str:
    """`LIST` holds in one call."""
    draws = "".join(f"\\set payer{n} {FIRST_NUMBER} + {zipf()}\n" for n in range(LIST))
    return f"{_NEXT}{_PAYEE}{draws}{_holds(LIST, load)}"


def settle(*, load: int, first: int, share: int) -> str:
    """One settlement with its fee. Each client settles its `share` of the holds from the `first` on, one by one."""
    return (
        f"{_NEXT}\\set hold {FIRST_NUMBER + first - 1} + :client_id * {share} + :n - :start\n"
        f"SELECT code FROM escrow_close('{{{_id(load, 0)}}}', '{{close}}', '{{:hold}}', '{{\"\"}}', '{{{HOLD}:hold}}',"
        f" '{{{PRICE}}}', '{{0}}', '{{{FEE_BPS}}}', '{{false}}', '{{NULL}}', '{{\"\"}}', '{{\"{{}}\"}}');\n"
    )


def zipf() -> str:
    """A payer: few are drawn often, most hardly ever; who they are has nothing to do with their number."""
    return f"permute(random_zipfian(1, {PAYERS}, {ZIPF}) - 1, {PAYERS}) + 1"


def among(number: int) -> str:
    """One of a few hot payers."""
    return f"random(1, {number})"


def _holds(number: int, load: int) -> str:
    """The call that opens `number` holds."""
    ids = [_id(load, n) for n in range(number)]
    columns = (
        ids, ["bench"] * number, ids, ['""'] * number, ids, [f"{PERSON}:payer{n}" for n in range(number)],
        [f"{PERSON}:payee"] * number, ["NULL"] * number, ["TOKEN"] * number, [str(PRICE)] * number, ["bench"] * number,
        ['""'] * number, [str(EXPIRES_S)] * number, ["NULL"] * number, ['""'] * number, ['"{}"'] * number,
    )  # fmt: skip
    arrays = ", ".join("'{" + ",".join(column) + "}'" for column in columns)
    return f"SELECT code FROM escrow_hold({arrays});\n"


def _id(load: int, element: int) -> str:
    return f":n-0:client-7{load:03}-80{element:02}-{0:012}"
