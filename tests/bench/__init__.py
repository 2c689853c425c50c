"""The benchmark itself, with tiny figures."""
