-- A room's page reads what its room was told last. What is for one person only (spins, notices) is not in it.
CREATE INDEX live_event_of_room ON live_event (room, xid, id) WHERE room IS NOT NULL;
