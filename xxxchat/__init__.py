"""Composition root: settings, addresses, processes, cross-app commands.

Imports everyone, is imported by no one, holds no rule.
"""

from xxxchat.celery import app as celery_app

__all__ = ["celery_app"]
