"""`manage.py runserver` with live events: Django's own server for pages and API, and `/live/` beside them.

The events process of production runs here as a thread behind the same address. For one's own machine only.
"""

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.util import is_hop_by_hop

import uvicorn
from django.core.management.commands import runserver

ANSWERS_WITHIN_S = 30.0
PIECE_BYTES = 65_536


class Live:
    """A WSGI application that passes requests on to an events server in a thread of this process."""

    def __init__(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config("xxxchat.asgi:application", log_config=None, access_log=False))
        threading.Thread(target=server.run, args=[[listening]], daemon=True).start()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer what the events server answers. Raises OSError if it could not start, most likely for its database."""
        link = HTTPConnection("127.0.0.1", self.port, timeout=ANSWERS_WITHIN_S)
        target = f"{quote(environ['PATH_INFO'], encoding='latin-1')}?{environ.get('QUERY_STRING', '')}"
        link.request(environ["REQUEST_METHOD"], target, headers=dict(_headers(environ)))
        answer = link.getresponse()
        link.sock.settimeout(None)  # a stream may be silent for any time
        kept = [(name, value) for name, value in answer.getheaders() if not is_hop_by_hop(name)]
        start_response(f"{answer.status} {answer.reason}", kept)
        return _pieces(link, answer)


class Command(runserver.Command):
    """Django's command; its server has a thread for each request, which a stream keeps."""

    def get_handler(self, *args: Any, **options: Any) -> Any:
        """Return the whole site as a WSGI application; without `/live/` where one thread serves all requests."""
        pages: WSGIApplication = super().get_handler(*args, **options)
        if not options["use_threading"]:
            return pages
        live = Live()

        def site(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            chosen = live if environ["PATH_INFO"].startswith("/live/") else pages
            return chosen(environ, start_response)

        return site


def _headers(environ: WSGIEnvironment) -> Iterator[tuple[str, str]]:
    for key, value in environ.items():
        name = key.removeprefix("HTTP_").replace("_", "-")
        if key.startswith("HTTP_") and not is_hop_by_hop(name):
            yield name, value


def _pieces(link: HTTPConnection, answer: HTTPResponse) -> Iterator[bytes]:
    """Yield what has arrived as it arrives; closed with the client's connection."""
    with closing(link):
        while piece := answer.read1(PIECE_BYTES):
            yield piece
