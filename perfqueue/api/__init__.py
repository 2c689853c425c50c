"""Endpoints: `items` and `queues` (people), `staff`, `holds` and `intake` (service accounts)."""
