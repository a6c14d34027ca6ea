"""A trigger ties a source to an action: its definition, changes, secrets and removal.

Nothing here admits an event or runs an action.
"""
