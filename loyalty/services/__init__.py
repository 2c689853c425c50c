"""What other apps use of loyalty. Rows are answered as frozen values, never as models."""

from loyalty.services.figures import backlog
from loyalty.services.own_data import own_data

__all__ = ["backlog", "own_data"]
