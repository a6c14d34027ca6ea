"""A request becomes an execution: verify, parse, key, admit, respond."""
