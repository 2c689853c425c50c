"""What just happened: the outbox of events, the templates of their words, and the streams that carry them.

Invariant: an event is written in the transaction that it tells of, is seen by nobody whom it is not for, and reaches
everybody connected in commit order without a gap. Events are hints: what a GET answers is the truth. Every app above
writes events by `live.services.emit`; the events process (`xxxchat.asgi`) alone reads them.
"""
