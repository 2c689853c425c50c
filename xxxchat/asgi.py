"""The events process. It serves /live/ and nothing else; pages and API are xxxchat.wsgi's."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xxxchat.settings")
django.setup()

from django.conf import settings  # noqa: E402  after the setup

from live.asgi import Events  # noqa: E402
from live.hub import Limits  # noqa: E402
from xxxchat.heap import keep_loaded  # noqa: E402

application = Events(
    Limits(
        poll_s=settings.LIVE_POLL_MS / 1000,
        heartbeat_s=settings.LIVE_HEARTBEAT_S,
        streams=settings.LIVE_STREAMS,
        streams_per_person=settings.LIVE_STREAMS_PER_PERSON,
        streams_per_address=settings.LIVE_STREAMS_PER_ADDRESS,
    )
)
keep_loaded()
