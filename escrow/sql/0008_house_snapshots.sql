-- What was once summed stays as it was summed.
CREATE TRIGGER escrow_house_snapshot_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_housesnapshot
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
