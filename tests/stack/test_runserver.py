"""`manage.py runserver` with a copied `.env.example`: pages, static files and live events at one address."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse

import pytest
from django.conf import settings
from django.db import connection

from accounts.services import create_performer
from live.services import Event, emit
from tests.rerun import database_url
from tests.stack.processes import until
from xxxchat.stack import ports
from xxxchat.stack.folder import PROJECT, terminal_environment

STARTS_WITHIN_S = 30.0


@pytest.fixture
def port(transactional_db: None) -> Iterator[int]:
    """The port of a server that reads the example, on this test's database."""
    port = ports.free_ports(1)[0]
    url = database_url("").rpartition("/")[0]
    environment = terminal_environment() | {
        "APP_MODE": "",
        "ENV_FILE": str(PROJECT / ".env.example"),
        "DATABASE_URL": f"{url}/{connection.settings_dict['NAME']}",
        "REDIS_URL": settings.REDIS_URL,
        "DJANGO_SETTINGS_MODULE": "xxxchat.settings",
    }
    command = [sys.executable, "manage.py", "runserver", "--noreload", str(port)]
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        until(lambda: process.poll() is not None or not ports.is_free(port), within_s=STARTS_WITHIN_S)
        assert process.poll() is None, process.communicate()[0].decode()
        yield port
    finally:
        process.kill()
        process.communicate()


def get(port: int, path: str) -> tuple[HTTPConnection, HTTPResponse]:
    link = HTTPConnection("127.0.0.1", port, timeout=STARTS_WITHIN_S)
    link.request("GET", path)
    return link, link.getresponse()


def health(port: int, path: str) -> int:
    """The exit status of the containers' health check."""
    command = [sys.executable, "deploy/healthcheck.py", str(port), path]
    return subprocess.run(command, cwd=PROJECT, check=False).returncode


def test_pages_static_files_and_live_are_served(port: int) -> None:
    ruby = create_performer(username="ruby", display_name="Ruby")

    link, lobby = get(port, "/")
    with closing(link):
        page = lobby.read().decode()
    sheet = re.search(r'href="(/static/css/app[^"]*\.css)"', page)
    assert (lobby.status, sheet is not None) == (200, True)
    link, style = get(port, sheet[1] if sheet else "")
    with closing(link):
        assert style.status == 200

    link, stream = get(port, f"/live/performer/{ruby.pk}")
    with closing(link):
        assert (stream.status, stream.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        assert stream.readline().startswith(b"retry:")
        emit([Event("menu.changed", {"menuId": ruby.pk}, room_id=ruby.pk)])
        assert b"event: menu.changed\n" in iter(stream.readline, b"")

    assert [health(port, path) for path in ("/livez", "/live/")] == [0, 0]
    assert health(ports.free_ports(1)[0], "/livez") == 1
    for path, status in (("/live/me", 401), ("/live/nothing", 404)):
        link, refused = get(port, path)
        with closing(link):
            assert (refused.status, refused.headers["Content-Type"]) == (status, "application/json")
            assert b'{"error": {"code": ' in refused.read()
