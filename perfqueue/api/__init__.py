"""Endpoints of the line (`line`), and of the service accounts' holds (`holds`)."""
