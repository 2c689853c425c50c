"""The pages: views and forms over every app's services. They hold no rule and write nothing themselves.

Reads go through services; commands go through `core.idempotency.once`, with the key that the form carries.
"""
