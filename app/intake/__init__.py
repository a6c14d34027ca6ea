"""A request becomes an execution: verify, parse, key, admit, respond.

Nothing here runs an action; an admitted event waits for a worker.
"""
