"""The documents hold together: links, the index of decisions, the make targets that they name."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import get_commands

ROOT = Path(settings.BASE_DIR)
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("docs/**/*.md")]
ADRS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
NAME = re.compile(r"\w+")
STATUS = re.compile(r"^Status: ((?:accepted|superseded by \[\d{4}\]\(\S+\)).*)$", re.MULTILINE)


@pytest.mark.parametrize("page", sorted(set(PAGES)), ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_name_files(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", ADRS, ids=lambda page: page.stem)
def test_the_index_has_each_decision_with_its_status(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    title, status = text.splitlines()[0].removeprefix("# "), STATUS.search(text)

    assert status is not None
    row = f"| {page.name[:4]} | [{title}]({page.name}) | {status[1]} | "
    assert row in (page.parent / "README.md").read_text(encoding="utf-8")


def test_each_number_is_used_once() -> None:
    assert len({page.name[:4] for page in ADRS}) == len(ADRS) > 20


def test_names_of_the_glossary_exist_in_code() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    folders = [Path(app.path) for app in apps.get_app_configs() if Path(app.path).parent == ROOT]
    files = [file for folder in folders for kind in ("py", "sql") for file in folder.rglob(f"*.{kind}")]
    known = {word for file in files for word in NAME.findall(f"{file.stem} {file.read_text(encoding='utf-8')}")}

    assert {name for code in re.findall(r"`([^`]+)`", glossary) for name in NAME.findall(code)} - known == set()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_named_make_targets_exist(name: str) -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert named
    assert named <= targets


@pytest.mark.parametrize("name", ["README.md", "docs/operations.md", "SECURITY.md", "xxxchat/README.md"])
def test_named_management_commands_and_files_of_packages_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= set(get_commands())
    assert [file for file in re.findall(r"requirements[a-z-]*\.txt", text) if not (ROOT / file).exists()] == []
