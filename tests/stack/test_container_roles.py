"""The roles of `deploy/roles.sh` suffice: the owner, no superuser, migrates; the other runs the product."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
import yaml
from django.conf import settings
from django.db import connection

from xxxchat.stack import reach
from xxxchat.stack.folder import PROJECT, terminal_environment

NAME = f"xc{os.getpid()}"
PASSWORDS = {"DATABASE_OWNER_PASSWORD": "owner's", "DATABASE_PASSWORD": "app"}
REMOVED = f"""
DROP DATABASE IF EXISTS {NAME} WITH (FORCE);
REVOKE ALL ON PARAMETER escrow.writing FROM {NAME}_owner;
DROP ROLE {NAME}_app; DROP ROLE {NAME}_owner
"""


def renamed(text: str) -> str:
    """The same for roles and a database of this test's own: those of the demo are on this server too."""
    return text.replace("xxxchat_owner", f"{NAME}_owner").replace("xxxchat_app", f"{NAME}_app").replace(
        "DATABASE xxxchat ", f"DATABASE {NAME} "
    )  # fmt: skip


def url(role: str) -> str:
    given = connection.settings_dict
    password = {"owner": "owner%27s", "app": "app"}[role]
    return f"postgres://{NAME}_{role}:{password}@{given['HOST']}:{given['PORT']}/{NAME}"


@pytest.fixture
def roles(transactional_db: None) -> Iterator[None]:
    """What the script makes, on the server of the tests."""
    given = connection.settings_dict
    administrator = {"PGHOST": given["HOST"], "PGPORT": str(given["PORT"]), "PGPASSWORD": given["PASSWORD"]}
    environment = {"PATH": f"{reach.programs(None)}:{os.environ['PATH']}", "POSTGRES_USER": given["USER"]}
    try:
        subprocess.run(
            ["sh", "-c", renamed((PROJECT / "deploy" / "roles.sh").read_text())],
            env=environment | administrator | PASSWORDS, check=True,
        )  # fmt: skip
        yield
    finally:
        with connection.cursor() as cursor:
            for statement in REMOVED.strip().split(";"):
                cursor.execute(statement)


def test_the_owner_migrates_and_the_other_role_runs_the_product(roles: None) -> None:
    job = yaml.safe_load((PROJECT / "compose.yaml").read_text())["services"]["migrate"]["command"][2]
    python = renamed(job).replace("python manage.py", f"{shlex.quote(sys.executable)} manage.py")
    environment = terminal_environment() | {
        "REDIS_URL": settings.REDIS_URL,
        "DJANGO_SETTINGS_MODULE": "xxxchat.settings",
    }

    subprocess.run(["sh", "-c", python], cwd=PROJECT, env=environment | {"DATABASE_URL": url("owner")}, check=True)

    verify = [sys.executable, "manage.py", "verify_ledger"]
    subprocess.run(verify, cwd=PROJECT, env=environment | {"DATABASE_URL": url("app")}, check=True)
    with closing(psycopg.connect(url("owner"))) as owner:
        assert owner.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
    with closing(psycopg.connect(url("app"))) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("DELETE FROM escrow_entry")
