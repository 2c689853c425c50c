"""Money: wallets, holds, operations, entries. The only writer of balances.

Invariant: every operation's entries sum to zero, and every wallet equals its last entry. Features open holds;
`perfqueue` closes them.
"""
