"""The slot machine: paytables, the draw, fairness and spin limits.

Invariant: nobody, the house included, can choose or repeat an outcome. A spin's seed was committed to before the player
named a nonce; nonces are gapless per user; every spin is stored once, never changed, and linked to the one before it.

Money never moves here: a spin opens an escrow hold payable to ``slots_bank`` and hands the performance queue one
instant intake, which settles the hold and pays the award. Called by the API and the pages; calls perfqueue, compliance
and escrow.
"""
