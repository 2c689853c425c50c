"""What pgbench sends: one call of one function of the ledger a transaction, as `tpcb-like` is one transfer each."""

from bench.ledger.books import FEE_BPS, FIRST_PERFORMER, PAYERS, PERFORMERS, PRICE

ZIPF = 1.07
LIST = 50

PAYEE = f"\\set payee random({FIRST_PERFORMER}, {FIRST_PERFORMER + PERFORMERS - 1})\n"
_PERSON = "lpad(to_hex({}::bigint), 32, '0')::uuid"


def hold(payers: str) -> str:
    """One hold. `payers`: pgbench's expression that draws one."""
    return (
        f"\\set payer {payers}\n{PAYEE}"
        "SELECT code FROM escrow_hold(ARRAY[uuidv7()], ARRAY['bench'], ARRAY[uuidv7()::text],"
        f" ARRAY['\\x00'::bytea], ARRAY[uuidv7()], ARRAY[{_PERSON.format(':payer')}],"
        f" ARRAY[{_PERSON.format(':payee')}], ARRAY[NULL::text], ARRAY['TOKEN'], ARRAY[{PRICE}::bigint],"
        " ARRAY['bench'], ARRAY[''], ARRAY[300], ARRAY[NULL::uuid], ARRAY[''], ARRAY['{}'::jsonb]);\n"
    )


def holds() -> str:
    """`LIST` holds in one call."""
    draws = "".join(f"\\set p{n} {zipf()}\n" for n in range(LIST))
    payers = ", ".join(_PERSON.format(f":p{n}") for n in range(LIST))
    ids, keys = (f"ARRAY(SELECT uuidv7(){kind} FROM generate_series(1, {LIST}))" for kind in ("", "::text"))
    scope, empty, house, currency, amount, feature, payee, expires, nobody, meta = (
        f"array_fill({value}, ARRAY[{LIST}])"
        for value in (
            "'bench'::text", "''::text", "NULL::text", "'TOKEN'::text", f"{PRICE}::bigint", "'bench'::text",
            _PERSON.format(":payee"), "300", "NULL::uuid", "'{}'::jsonb",
        )
    )  # fmt: skip
    fingerprints = f"array_fill(''::bytea, ARRAY[{LIST}])"
    columns = (
        ids, scope, keys, fingerprints, ids, f"ARRAY[{payers}]", payee, house, currency, amount, feature, empty,
        expires, nobody, empty, meta,
    )  # fmt: skip
    return f"{draws}{PAYEE}SELECT count(code) FROM escrow_hold({', '.join(columns)});\n"


def settle() -> str:
    """One settlement with its fee: the next hold that waits."""
    return (
        "SELECT c.code FROM bench_waiting b CROSS JOIN LATERAL escrow_close(ARRAY[uuidv7()], ARRAY['close'],"
        f" ARRAY[b.hold::text], ARRAY[''::bytea], ARRAY[b.hold], ARRAY[{PRICE}::bigint], ARRAY[0::bigint],"
        f" ARRAY[{FEE_BPS}], ARRAY[false], ARRAY[NULL::uuid], ARRAY[''], ARRAY['{{}}'::jsonb]) c"
        " WHERE b.n = (SELECT nextval('bench_next'));\n"
    )


def zipf() -> str:
    """A payer: few are drawn often, most hardly ever; who they are has nothing to do with their number."""
    return f"permute(random_zipfian(1, {PAYERS}, {ZIPF}) - 1, {PAYERS}) + 1"


def among(number: int) -> str:
    """One of a few hot payers."""
    return f"random(1, {number})"
