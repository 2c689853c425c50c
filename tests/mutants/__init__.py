"""Mutants of the ledger's SQL: each is a fault that somebody could make, and a test must find it. See catalogue.py."""
