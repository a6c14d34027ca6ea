"""Count deliveries and summarise executions. Nothing here decides what becomes of an event."""
