"""A module of the product, imported with one text of its source replaced. No file is written."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

from tests.mutants.kinds import Mutant

PROJECT = Path(__file__).resolve().parents[2]


def path_of(mutant: Mutant) -> Path:
    return PROJECT.joinpath(*mutant.module.split(".")).with_suffix(".py")


def text_of(mutant: Mutant) -> str:
    """Return the module's source with the fault. Raises AssertionError: the text to be replaced is not there once."""
    text = path_of(mutant).read_text()
    assert text.count(mutant.old) == 1, f"stale: {mutant.module} does not say {mutant.old!r} once"
    return text.replace(mutant.old, mutant.new)


def install(mutant: Mutant) -> None:
    """Let the next import of the module be the one with the fault. Raises AssertionError: it is imported already."""
    assert mutant.module not in sys.modules, f"stale: {mutant.module} is imported before it is rewritten"
    sys.meta_path.insert(0, _Finder(mutant, text_of(mutant)))


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant, text: str) -> None:
        self._mutant, self._text = mutant, text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        file = str(path_of(self._mutant))
        return spec_from_file_location(fullname, file, loader=_Loader(fullname, file, self._text))


class _Loader(SourceFileLoader):
    """Compiles the given text, whatever the file and its cached bytecode say."""

    def __init__(self, fullname: str, path: str, text: str) -> None:
        super().__init__(fullname, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(self._text, self.path, "exec", dont_inherit=True)
        return code
