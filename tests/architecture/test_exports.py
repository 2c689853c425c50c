"""What an app shows to others: `services.__all__` is what others use, no model leaves its app, nothing else is read."""

import ast
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import Model

ROOT = Path(settings.BASE_DIR)
APPS = ("accounts", "live", "escrow", "compliance", "loyalty", "perfqueue", "menus", "slots")
PUBLIC_MODELS = {"accounts.models.User"}
PUBLIC_MODULES = {f"{app}.{module}" for app in APPS for module in ("services", "errors", "shapes", "batched")} | {
    "accounts.models", "accounts.backoffice", "loyalty.client", "live.asgi", "live.hub",
}  # fmt: skip


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the product with its syntax tree, without tests and migrations."""
    for top in (*APPS, "core", "xxxchat", "bench"):
        for file in (ROOT / top).rglob("*.py"):
            parts = file.relative_to(ROOT).with_suffix("").parts
            if not {"tests", "migrations"} & set(parts):
                yield ".".join(parts).removesuffix(".__init__"), ast.parse(file.read_text(encoding="utf-8"))


@cache
def imports_in(tree: ast.Module) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


@cache
def attributes_in(tree: ast.Module) -> set[tuple[str, str]]:
    """What is read of what, as text."""
    return {(ast.unparse(node.value), node.attr) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def names_of(tree: ast.Module, package: str) -> set[str]:
    """The names of `package` that a module imports, or reads as attributes of it."""
    parent, _, last = package.rpartition(".")
    found, aliases = set(), set()
    for node in imports_in(tree):
        if isinstance(node, ast.ImportFrom) and node.module == package:
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == parent:
            aliases |= {each.asname or last for each in node.names if each.name == last}
        elif isinstance(node, ast.Import):
            aliases |= {each.asname or package for each in node.names if each.name == package}
    return found | {name for of, name in attributes_in(tree) if of in aliases}


def imports_of(tree: ast.Module) -> set[str]:
    """The modules that a module imports; `from app import module` counts as `app.module`."""
    found = set()
    for node in imports_in(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{each.name}" for each in node.names} if node.module in APPS else {node.module}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return found


def holds_a_row(hint: object) -> bool:
    """Whether a type is a model other than the public ones, or is made of one."""
    if isinstance(hint, type) and issubclass(hint, Model):
        return f"{hint.__module__}.{hint.__name__}" not in PUBLIC_MODELS
    return any(map(holds_a_row, get_args(hint)))


MODULES = dict(modules())


def users_of(package: str, *, beyond: str) -> dict[str, set[str]]:
    """The modules outside of `beyond` that use each name of `package`."""
    found: dict[str, set[str]] = {}
    for module, tree in MODULES.items():
        if not f"{module}.".startswith(f"{beyond}."):
            for name in names_of(tree, package):
                found.setdefault(name, set()).add(module)
    return found


@pytest.mark.parametrize("app", APPS)
def test_services_export_what_other_modules_use(app: str) -> None:
    package = f"{app}.services"
    exported = set(import_module(package).__all__)

    assert exported - set(users_of(package, beyond=package)) == set(), "nobody uses them"
    assert set(users_of(package, beyond=app)) - exported == set(), "other apps use them"


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("package", ["services", "models"])
def test_no_app_uses_a_model_of_another(app: str, package: str) -> None:
    shown = import_module(f"{app}.{package}")
    models = {
        name for name in vars(shown) if isinstance(vars(shown)[name], type) and issubclass(vars(shown)[name], Model)
    }
    users = users_of(f"{app}.{package}", beyond=app)

    used = {f"{app}.models.{name}": users[name] for name in models & set(users)}
    assert {name: users for name, users in used.items() if name not in PUBLIC_MODELS} == {}


@pytest.mark.parametrize("app", APPS)
def test_no_value_that_other_apps_read_holds_a_row(app: str) -> None:
    shown = vars(import_module(f"{app}.services"))
    values = [shown[name] for name in users_of(f"{app}.services", beyond=app) if is_dataclass(shown[name])]

    holding = {each.__name__ for each in values if any(map(holds_a_row, get_type_hints(each).values()))}
    assert holding == set()


@pytest.mark.parametrize("app", [*APPS, "core", "xxxchat"])
def test_an_app_imports_only_public_modules_of_others(app: str) -> None:
    others = tuple(f"{each}." for each in APPS if each != app)
    imported = {each for name, tree in MODULES.items() if f"{name}.".startswith(f"{app}.") for each in imports_of(tree)}

    assert {each for each in imported if each.startswith(others)} - PUBLIC_MODULES == set()


def test_every_app_is_checked() -> None:
    own = {each.name for each in apps.get_app_configs() if Path(each.path).parent == ROOT}
    assert own == {*APPS, "core", "xxxchat"}
