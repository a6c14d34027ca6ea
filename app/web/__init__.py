"""Falcon resources: each reads, calls one function, responds."""
