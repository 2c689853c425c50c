"""The `commands` process: spins and purchases of many people in one transaction, behind the ordinary endpoints' paths.

What it does not plainly understand it hands to the ordinary endpoint's own code, so that every answer is the same
whichever process gives it. Without this process the web processes answer all.
"""
