-- What the models of live cannot declare.

-- The writing transaction of each event: readers stay below the oldest one still running, so none is overtaken.
ALTER TABLE live_event ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX live_event_in_order ON live_event (xid, id);

-- A room's page reads the latest events of its room. What is for one person only (spins, notices) is not in it.
CREATE INDEX live_event_of_room ON live_event (room, xid, id) WHERE room IS NOT NULL;
