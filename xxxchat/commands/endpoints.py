"""The endpoints whose requests run in batches."""

from typing import Any

from core.batches import BatchedEndpoint
from menus.batched import PURCHASES
from slots.batched import SPINS

ENDPOINTS: tuple[BatchedEndpoint[Any], ...] = (SPINS, PURCHASES)
