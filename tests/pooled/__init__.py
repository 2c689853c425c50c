"""The races again through PgBouncer in transaction mode."""
