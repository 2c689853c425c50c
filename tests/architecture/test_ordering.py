"""Whole runs begin with the files that take longest."""

from pathlib import Path

from django.conf import settings

from tests.ordering import LONG, longest_first


def test_every_long_file_exists() -> None:
    assert [name for name in LONG if not (Path(settings.BASE_DIR) / name).is_file()] == []


def test_long_files_come_first_then_those_with_most_tests_each_as_a_whole() -> None:
    files = ["a.py", "b.py", LONG[1], "b.py", LONG[0], "a.py", "b.py"]

    assert [files[place] for place in longest_first(files)] == [LONG[0], LONG[1], *["b.py"] * 3, *["a.py"] * 2]
    assert longest_first(["b.py"] * 3) == [0, 1, 2]
