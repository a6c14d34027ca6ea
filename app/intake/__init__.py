"""A request becomes an execution: verify, parse, key, admit, respond.

Nothing here runs an action; what is admitted waits for a worker.
"""
