"""Endpoints of linking, of RedRoomRewards' events, and of balances."""
