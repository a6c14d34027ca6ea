"""Notifications: the conditions that a person must know of, the channels, the messages.

Nothing here admits an event or changes an execution.
"""
