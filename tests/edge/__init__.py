"""What strangers meet at the one port: slow clients, weight, caching, other sites' scripts."""
