-- Delete up to at_most events written before a time, in the order of the stream, and return how many; 0 while another
-- call does. Reads no more rows than those, by the index of their order, whatever the statistics say: a plan for all rows,
-- which are then sorted, would be kept for a table that has grown. The newest of them stays: it shows a replay that what
-- lies below is gone.
CREATE OR REPLACE FUNCTION live_prune(before timestamptz, at_most integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off SET enable_sort = off AS $$
DECLARE
    stays record;
    gone integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('live.prune', 0)) THEN
        RETURN 0;
    END IF;
    SELECT o.xid, o.id INTO stays
      FROM (SELECT n.xid, n.id, bool_and(n.at < before) OVER (ORDER BY n.xid, n.id) AS old
              FROM (SELECT xid, id, at FROM live_event ORDER BY xid, id LIMIT at_most + 1) AS n) AS o
     WHERE o.old ORDER BY o.xid DESC, o.id DESC LIMIT 1;
    PERFORM set_config('live.pruning', 'on', true);
    DELETE FROM live_event e WHERE (e.xid, e.id) < (stays.xid, stays.id) AND e.at < before;
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('live.pruning', '', true);
    RETURN gone;
END
$$;
