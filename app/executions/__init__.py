"""The execution at rest: due, held or dead; replayed, searched, retained and pruned.

Nothing here receives a request or runs an action.
"""
