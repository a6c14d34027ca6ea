"""Shared helpers of the tests: databases, factories, samples, senders, targets, live services."""
