"""The performers' queues: intake, order, life cycle, timers. The only caller of settle and refund.

Invariant: every open item has an open hold and every final item a closed one. Features call `services.Joining`;
performers, buyers, staff and the sweeper call one service function per command.
"""
