"""Mutants of the ledger's SQL: each is a fault that somebody could make, and a test must fail. See catalogue.py."""
