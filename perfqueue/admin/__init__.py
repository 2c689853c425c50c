"""The line in the back office: a board of items to decide about, the lines and their settings, runs over many items."""

from perfqueue.admin import board, lines, runs

__all__ = ["board", "lines", "runs"]
