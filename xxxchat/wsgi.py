"""WSGI entry point of the web processes (API and pages)."""

import os

from core.wire import wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xxxchat.settings")

application = wsgi_application()

from loyalty.services import watch_breaker  # noqa: E402  after the setup
from xxxchat.heap import keep_loaded  # noqa: E402

watch_breaker("web")
keep_loaded("xxxchat.urls")
