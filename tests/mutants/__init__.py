"""Mutants of the ledger, the draw and the gates: each is a fault that somebody could make, and a test must fail."""
