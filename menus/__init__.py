"""What a performer offers and what it costs.

Invariant: an item belongs to one menu, is placed once among its siblings and fits its menu's type; a purchase holds the
price that was shown, never another. Called by its own endpoints and by the room page.
"""
