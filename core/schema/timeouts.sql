-- Time limits as settings of the role in this database: they survive PgBouncer in transaction mode.
DO $$
DECLARE
    place text := format('ALTER ROLE %I IN DATABASE %I SET ', current_user, current_database());
BEGIN
    EXECUTE place || 'lock_timeout = ''3s''';
    EXECUTE place || 'statement_timeout = ''10s''';
    EXECUTE place || 'idle_in_transaction_session_timeout = ''10s''';
END
$$;
