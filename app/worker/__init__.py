"""An execution becomes attempts: claim, run, classify, settle."""
