"""Endpoints of money. `wallet` and `history` (one's own), `staff` (staff and performers), `payments` (the provider)."""
