"""The commands process: `uvicorn xxxchat.commands.asgi:application`."""

import os

from core.wire import wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xxxchat.settings")
ordinary = wsgi_application()

from loyalty.services import watch_breaker  # noqa: E402  after the setup
from xxxchat.commands.application import Commands  # noqa: E402
from xxxchat.heap import keep_loaded  # noqa: E402

watch_breaker("commands")
application = Commands(ordinary)
keep_loaded("xxxchat.urls")
