"""The slot machine: paytables, the draw, fairness and spin limits.

Invariant: no one, the operator included, can choose or repeat an outcome. A spin's seed is committed to before the
player names a nonce; nonces are gapless per user; every spin is stored once, never changed, and linked to the previous.

It moves no money itself: a spin hands an instant item with its hold, payable to ``slots_bank``, to the performance
queue, which settles the hold and pays the award. Called by the API and the pages; calls perfqueue,
compliance and escrow.
"""
