"""The address of a trigger's webhook: built here, for the API, the pages and the commands."""

WEBHOOKS = "/api/triggers/webhook/"
"""The path below which senders reach triggers: part of the contract with every sender."""


def webhook_url(base_url: str, trigger_id: int) -> str:
    """Return the address that a sender posts to; `base_url` is mostly HOOKONCE_PUBLIC_URL."""
    return f"{base_url.rstrip('/')}{WEBHOOKS}{trigger_id}"


def with_secret(url: str, secret: str) -> str:
    """Return the address with the secret at its end, for senders that sign nothing."""
    return f"{url}/{secret}"
