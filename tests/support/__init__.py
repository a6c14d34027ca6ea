"""Shared helpers of the tests: databases, factories, senders, targets and running services."""
