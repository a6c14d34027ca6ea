"""Receive webhooks: verify, parse, key, admit, respond; what follows is never run in here."""
