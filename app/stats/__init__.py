"""Count deliveries and summarise executions, for the operator.

Nothing here decides what becomes of an event.
"""
