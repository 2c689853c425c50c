"""docs/errors.md lists exactly the codes that the code can answer, each with its status, once."""

import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from string import Formatter

import pytest
from django.apps import apps
from django.conf import settings

from core.envelope import STATUS
from core.errors import DomainError

PAGE = Path(settings.BASE_DIR) / "docs" / "errors.md"
ROW = re.compile(r"^\| `([A-Z_]+)` \| (\d{3}) \| (.+?) \| (.+?) \|$", re.MULTILINE)


def errors() -> Iterator[type[DomainError]]:
    """Every error with a code, of every app of ours."""
    for config in apps.get_app_configs():
        if Path(config.path).parent == Path(settings.BASE_DIR) and find_spec(f"{config.name}.errors"):
            import_module(f"{config.name}.errors")
    waiting = [DomainError]
    while waiting:
        found = waiting.pop().__subclasses__()
        waiting += found
        yield from (each for each in found if hasattr(each, "code") and ".tests." not in each.__module__)


def rows() -> list[tuple[str, str, str, str]]:
    return ROW.findall(PAGE.read_text(encoding="utf-8"))


def test_the_page_lists_the_codes_of_the_code_and_no_other() -> None:
    listed = {(code, int(status)) for code, status, _, _ in rows()}

    assert listed == {(each.code, STATUS[each.kind]) for each in errors()}
    assert len(listed) > 40


def test_each_code_is_listed_once_and_in_a_row_that_is_read() -> None:
    assert [code for code, count in Counter(code for code, *_ in rows()).items() if count > 1] == []
    assert len(rows()) == PAGE.read_text(encoding="utf-8").count("\n| `")


def test_a_code_has_one_status_wherever_it_is_raised() -> None:
    statuses: dict[str, set[int]] = {}
    for each in errors():
        statuses.setdefault(each.code, set()).add(STATUS[each.kind])

    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}


@pytest.mark.parametrize("error", sorted(errors(), key=repr))
def test_an_error_has_a_code_and_a_sentence(error: type[DomainError]) -> None:
    """Upper snake case for programs, a sentence for people, details in camelCase."""
    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", error.code)
    assert error.message[0].isupper() or error.message[0] == "{"
    assert error.message.endswith(".")
    for _, name, _, _ in Formatter().parse(error.message):
        assert name is None or re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name)
