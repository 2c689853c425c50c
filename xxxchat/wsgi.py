"""WSGI entry point of the web processes (API and pages)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xxxchat.settings")

application = get_wsgi_application()
