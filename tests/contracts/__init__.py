"""Strangers' tools read the API's description: a fuzzer, generators of clients, linters."""
