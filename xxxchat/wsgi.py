"""WSGI entry point of the web processes (API and pages)."""

import os

from core.wire import wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xxxchat.settings")

application = wsgi_application()

from loyalty.services import watch_breaker  # noqa: E402  after the setup

watch_breaker("web")
