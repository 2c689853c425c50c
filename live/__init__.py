"""Events: the outbox, the templates of their messages, and the streams that carry them.

Invariant: an event is written in the transaction that it reports, reaches only its room and its recipient, and
reaches every open stream in commit order without a gap. Events are hints: what a GET answers is the truth. Every app
above declares its event types (`event_types.py`) and writes events with `live.services.emit`; only the events process
(`xxxchat.asgi`) streams them.
"""
