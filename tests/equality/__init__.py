"""The ordinary endpoints and the commands process answer the same, and write the same."""
