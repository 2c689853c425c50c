"""The endpoints of the slot machine."""
