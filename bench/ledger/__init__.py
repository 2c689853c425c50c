"""The ledger's functions beside pgbench on the same server: holds, settlements, lists, hot wallets, the service."""
