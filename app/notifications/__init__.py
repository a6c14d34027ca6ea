"""Notifications: the conditions that a person must know of, the channels, the messages."""
