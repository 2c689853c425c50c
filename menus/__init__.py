"""Menus: what performers offer, at which price.

Invariant: an item belongs to one menu, has one place among its siblings and fits its menu's type; a purchase holds the
price that the buyer was shown. Called by its own endpoints and by the room page.
"""
