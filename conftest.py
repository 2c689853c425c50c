"""Fixtures of every test: a clean database by flush, the movable clock, the ledger check after each money test."""
