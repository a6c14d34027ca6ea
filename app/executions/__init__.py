"""The execution at rest: what is due, held or dead, and how it is replayed, searched, kept and
pruned. Nothing here receives a request or runs an action."""
