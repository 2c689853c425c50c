"""Values kept while they are current."""

from datetime import UTC, datetime, timedelta

from core.freshness import Seen, Shelf

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST, SECOND = Seen(1, NOW), Seen(2, NOW)


def test_a_value_is_found_under_its_subject_and_version_only() -> None:
    shelf: Shelf[str] = Shelf(most_bytes=100)

    shelf.keep("queue", FIRST, "text", size=4)

    assert shelf.find("queue", FIRST) == "text"
    assert shelf.find("queue", SECOND) is None
    assert shelf.find("menu", FIRST) is None


def test_a_value_ends_when_it_says() -> None:
    shelf: Shelf[str] = Shelf(most_bytes=100)

    shelf.keep("queue", FIRST, "text", size=4, until=NOW + timedelta(seconds=1))

    assert shelf.find("queue", FIRST) == "text"
    assert shelf.find("queue", Seen(1, NOW + timedelta(seconds=1))) is None


def test_of_a_subject_the_last_version_is_kept() -> None:
    shelf: Shelf[str] = Shelf(most_bytes=10)

    for version in range(20):
        shelf.keep("queue", Seen(version, NOW), "text", size=4)

    assert shelf.find("queue", Seen(19, NOW)) == "text"
    assert shelf.find("queue", Seen(18, NOW)) is None


def test_the_least_recently_used_is_dropped_first() -> None:
    shelf: Shelf[str] = Shelf(most_bytes=10)
    shelf.keep("a", FIRST, "text", size=4)
    shelf.keep("b", FIRST, "text", size=4)

    shelf.find("a", FIRST)
    shelf.keep("c", FIRST, "text", size=4)

    assert [shelf.find(name, FIRST) for name in "abc"] == ["text", None, "text"]


def test_what_is_larger_than_the_shelf_is_not_kept() -> None:
    shelf: Shelf[str] = Shelf(most_bytes=10)

    shelf.keep("a", FIRST, "text", size=11)

    assert shelf.find("a", FIRST) is None
