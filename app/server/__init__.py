"""The gunicorn worker that serves the application. It stands beside the product, which never
imports it."""
