"""The endpoints of compliance."""
