"""Queues in the back office: items and the actions over them, queues and their settings, runs over many items."""

from perfqueue.admin import items, queues, runs
