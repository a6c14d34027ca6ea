"""The JSON API under `/api`: its operations, what they take and what they give."""
