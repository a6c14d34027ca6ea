"""An execution becomes attempts: claim, run, classify, settle.

Nothing here receives a request, and an action runs outside any transaction.
"""
