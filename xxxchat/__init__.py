"""Composition root: settings, addresses, processes, cross-app commands.

It imports every app, no app imports it, and it holds no rule.
"""

from xxxchat.celery import app as celery_app

__all__ = ["celery_app"]
