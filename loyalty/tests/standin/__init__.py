"""The stand-in itself: faults, storage, events. What it shares with a real server is tested in `contract`."""
