"""What a mutant is, and how it is written down.

A mutant of a function replaces one text of its definition (`*/schema/*.sql`) in the migrated test database, one of a
module replaces one text of its source when it is imported; a text that is not in it is an error, so no mutant goes
stale. The others run a statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One fault. `function` or `module` with `old` and `new`, or `sql`. `killers`: what to run, the likeliest first."""

    name: str
    killers: Sequence[str]
    function: str = ""
    module: str = ""
    old: str = ""
    new: str = ""
    sql: str = ""


def changed(name: str, function: str, old: str, new: str, killers: Sequence[str]) -> Mutant:
    return Mutant(name, killers, function=function, old=old, new=new)


def dropped(name: str, sql: str, killers: Sequence[str]) -> Mutant:
    return Mutant(name, killers, sql=sql)


def rewritten(name: str, module: str, old: str, new: str, killers: Sequence[str]) -> Mutant:
    return Mutant(name, killers, module=module, old=old, new=new)
