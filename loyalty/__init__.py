"""RedRoomRewards, where points live with `LOYALTY_BACKEND=redroomrewards`: links, its client, what is sent there.

Invariant: every change of points over there has a row here (`RemoteOperation`) before it is asked for, under a key that
never changes, and that row is worked on until it is confirmed, refused or in the hands of staff. Called by slots and
the composition root; nothing is called while a transaction is open.
"""
