"""`manage.py loyalty_standin`."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.standin import CLIENT_ID, CLIENT_SECRET, WEBHOOK_SECRET
from xxxchat.stack import children
from xxxchat.stack.folder import PROJECT

CREDENTIALS = {"RRR_CLIENT_ID": CLIENT_ID, "RRR_CLIENT_SECRET": CLIENT_SECRET, "RRR_WEBHOOK_SECRET": WEBHOOK_SECRET}


def test_it_prints_its_address_lets_the_products_own_credentials_in_and_ends_by_a_signal(tmp_path: Path) -> None:
    command: list[str | Path] = [sys.executable, "manage.py", "loyalty_standin", "--storage", tmp_path / "points.db"]
    environment = os.environ | CREDENTIALS | {"PYTHONUNBUFFERED": "1"}
    process = children.spawn(command, env=environment, cwd=PROJECT, output=subprocess.PIPE)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().decode().rpartition(" ")[2].strip()
        fields = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        token, form = httpx.post(f"{url}/oauth/token", json=fields), httpx.post(f"{url}/oauth/token", data=fields)
        process.send_signal(signal.SIGTERM)

        assert (token.status_code, form.status_code) == (200, 200)
        assert process.wait(timeout=10) == 0
    finally:
        children.kill_tree(process)
        process.communicate()


@override_settings(APP_MODE="production", **CREDENTIALS)
def test_it_is_refused_in_production(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="this is production"):
        call_command("loyalty_standin", storage=tmp_path / "points.db")


@override_settings(RRR_CLIENT_ID="", RRR_CLIENT_SECRET="")
def test_without_credentials_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="RRR_CLIENT_ID and RRR_CLIENT_SECRET are not set"):
        call_command("loyalty_standin", storage=tmp_path / "points.db")
