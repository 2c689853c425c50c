"""Celery's application. Every periodic task is idempotent: two beats, or a redelivery, do no harm."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xxxchat.settings")

app = Celery("xxxchat")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
