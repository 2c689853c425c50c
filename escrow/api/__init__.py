"""Endpoints of money. `wallet` is one's own; `desk` is staff's and performers'; `payments` is the provider's."""
