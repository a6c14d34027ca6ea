"""The names that decide if a value may be shown: harmless ones, and those of secrets. Pure."""

import re
from functools import lru_cache

SECRET_COLUMNS = frozenset(
    {
        "secret",
        "previous_secret",
        "sealed_secret",
        "sealed_previous_secret",
        "sealed_action_payload",
        "sealed_address",
        "token_hash",
        "session_hash",
        "csrf_token",
    }
)
"""Columns that no response and no audit row shows, in any table."""
_OF_HTTP = (
    "accept accept-charset accept-encoding accept-language cache-control connection "
    "content-encoding content-language content-length content-type date expect "
    "host if-modified-since if-none-match keep-alive mime-version origin pragma "
    "range retry-after te transfer-encoding upgrade-insecure-requests user-agent "
    "via hookonce-attempt x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto "
    "x-real-ip idempotency-key traceparent tracestate x-correlation-id x-request-id "
    "x-trace-id"
)
_OF_DELIVERIES = (
    "ce-id ce-source ce-specversion ce-subject ce-time ce-type "
    "i-twilio-idempotency-token linear-delivery linear-event linear-timestamp "
    "svix-id svix-timestamp webhook-id webhook-timestamp x-delivery-id x-event-id "
    "shopify-action shopify-api-version shopify-event-id shopify-handle shopify-shop-domain "
    "shopify-topic shopify-triggered-at shopify-webhook-id "
    "x-event-key x-event-name x-event-type x-github-delivery x-github-event "
    "x-github-hook-id x-github-hook-installation-target-id "
    "x-github-hook-installation-target-type x-gitlab-event x-gitlab-event-uuid "
    "x-gitlab-instance x-gitlab-webhook-uuid x-shopify-api-version x-shopify-event-id "
    "x-shopify-shop-domain x-shopify-test x-shopify-topic x-shopify-triggered-at "
    "x-shopify-webhook-id x-signature-timestamp x-slack-request-timestamp "
    "x-slack-retry-num x-slack-retry-reason x-webhook-event x-webhook-id "
    "x-webhook-timestamp "
    "circleci-event-type request-id sentry-hook-resource sentry-hook-timestamp "
    "square-environment square-retry-number square-retry-reason x-atlassian-webhook-flow "
    "x-atlassian-webhook-identifier x-atlassian-webhook-retry x-attempt-number x-buildkite-event "
    "x-forgejo-delivery x-forgejo-event x-gitea-delivery x-gitea-event x-gitea-event-type "
    "x-hook-uuid x-hubspot-request-timestamp x-request-uuid x-zm-request-timestamp x-zm-trackingid"
)
_OF_QUERIES = (
    "api-version dry-run format lang language limit locale order page per-page "
    "pretty sort timeout timezone tz version wait"
)
HARMLESS_NAMES = frozenset(f"{_OF_HTTP} {_OF_DELIVERIES} {_OF_QUERIES}".split())
"""Names of headers and of query parameters whose values may be shown and stored.

An allow list: any other header of an action or a request, and any other query parameter, may hold
a secret under a name that its maker chose. Ids and types of the deliveries of known senders are on
the list, their signatures never.
"""
_SECRET_NAME = re.compile(
    r"secret|passw|passphrase|pwd|token|cookie|auth|credential|bearer|jwt|session|signature|hmac"
    r"|(api|access|private|account|subscription|functions)[-_ ]?key|connection[-_ ]?string"
    r"|(?-i:[a-z]Key$)|(^|[-_.])(dsn|key|otp|pass|pin|pw|sig)($|[-_.])",
    re.IGNORECASE,
)
"""The words that make a name secret; `auth` covers Authorization and every `*-auth-*`."""
_LISTED_NAME = re.compile(r"header|query|param|(^|[-_])env($|[-_])|environ", re.IGNORECASE)
"""The words of an option that holds headers, query parameters or variables by name."""
NAMES_REMEMBERED = 1024
"""Verdicts on names that are kept in memory: senders choose the names of their headers."""


@lru_cache(maxsize=NAMES_REMEMBERED)
def is_harmless_name(name: str) -> bool:
    """Return True if a header or query parameter of this name holds no secret."""
    return name.strip().lower().replace("_", "-") in HARMLESS_NAMES


@lru_cache(maxsize=NAMES_REMEMBERED)
def is_secret_name(name: str) -> bool:
    """Return True if an option or field of this name holds a secret."""
    return _SECRET_NAME.search(name) is not None


@lru_cache(maxsize=NAMES_REMEMBERED)
def is_listed_name(name: str) -> bool:
    """Return True if the members of an option of this name are shown only if they are harmless."""
    return _LISTED_NAME.search(name) is not None
