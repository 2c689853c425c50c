"""Faults while money moves: connections, workers, the database server. Each on servers of its own."""
