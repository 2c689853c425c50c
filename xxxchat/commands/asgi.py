"""The commands process: `uvicorn xxxchat.commands.asgi:application`."""

import os

from core.wire import wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xxxchat.settings")
ordinary = wsgi_application()

from xxxchat.commands.application import Commands  # noqa: E402  after the setup

application = Commands(ordinary)
