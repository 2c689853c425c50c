"""Three files of pinned packages, each within the next, with hashes and without the address of an index."""

import re

import pytest

from xxxchat.stack.folder import PROJECT

NAMES = ("requirements", "requirements-demo", "requirements-dev")


def pinned(name: str) -> dict[str, str]:
    """The versions in a compiled file, by package."""
    text = (PROJECT / f"{name}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


def wanted(name: str) -> set[str]:
    """The packages that a file names itself."""
    text = (PROJECT / f"{name}.in").read_text()
    return {found.lower() for found in re.findall(r"^([A-Za-z][\w.-]*)", text, re.MULTILINE)}


def test_each_file_contains_the_one_before_with_the_same_versions() -> None:
    product, demo, everything = map(pinned, NAMES)

    assert product.items() < demo.items() < everything.items()


@pytest.mark.parametrize("name", [*NAMES, "requirements-soak"])
def test_what_is_named_is_pinned_with_hashes_and_no_index(name: str) -> None:
    text = (PROJECT / f"{name}.txt").read_text()

    assert wanted(name) <= set(pinned(name))
    assert all("--hash=sha256:" in package for package in re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:])
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)


def test_what_needs_a_compiler_is_apart() -> None:
    assert not wanted("requirements-soak") & set(pinned("requirements-dev"))


def test_the_product_is_without_the_demos_servers_and_without_tests_tools() -> None:
    assert not (wanted("requirements-demo") | wanted("requirements-dev")) & set(pinned("requirements"))
