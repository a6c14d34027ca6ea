"""Presets of senders of forms, meetings, customers and payments; `presets` has the others."""

from app.intake.message import Json, Request, SourceFacts, WebhookResponse
from app.intake.signatures import hmac_sha256_hex
from app.intake.sources.payload import at
from app.intake.sources.preset import Preset

DAY_SECONDS = 86_400


def zoom_challenge(_request: Request, payload: Json, secret: str) -> WebhookResponse | None:
    """Answer `endpoint.url_validation`, which Zoom sends when an endpoint is saved, and later."""
    token = at(payload, "payload", "plainToken")
    if at(payload, "event") != "endpoint.url_validation" or not isinstance(token, str):
        return None
    encrypted = hmac_sha256_hex(secret, token.encode("utf-8", "surrogatepass"))
    return WebhookResponse(200, {"plainToken": token, "encryptedToken": encrypted})


PRESETS = (
    Preset(
        name="calendly",
        verification={
            "method": "hmac",
            "header": "Calendly-Webhook-Signature",
            "signed": "{timestamp}.{body}",
            "timestamp_field": "t",
            "signature_field": "v1",
        },
        event_type=("body:event",),
        key=(("body:event",), ("body:created_at",), ("body:payload.uri",)),
        facts=SourceFacts(
            documentation="https://developer.calendly.com/api-docs/overview/webhooks/webhook-signatures",
            signature="Calendly-Webhook-Signature: t=<unix>,v1=<hex>, HMAC-SHA256 over <t>.<body>; "
            "5 minutes",
            provider_key="none of Calendly's; event, created_at and payload.uri in the body",
            provider_key_signed=True,
            answer="any 2xx",
            retries="for 24 h, less and less frequently; then the webhook is disabled",
            retry_seconds=DAY_SECONDS,
            unverified="the same created_at in every retry",
        ),
    ),
    Preset(
        name="hubspot",
        verification={
            "method": "hmac",
            "header": "X-HubSpot-Signature-v3",
            "encoding": "base64",
            "signed": "{method}{url}{body}{timestamp}",
            "timestamp_header": "X-HubSpot-Request-Timestamp",
            "timestamp_unit": "ms",
        },
        event_type=("body:subscriptionType",),
        key=(
            ("body:portalId",),
            ("body:subscriptionId",),
            ("body:eventId",),
            ("body:occurredAt",),
        ),
        batched=True,
        counters=frozenset({"attemptNumber"}),
        event_headers=("X-HubSpot-Request-Timestamp",),
        facts=SourceFacts(
            documentation="https://developers.hubspot.com/docs/api/webhooks",
            signature="X-HubSpot-Signature-v3: <base64>, HMAC-SHA256 over POST, the URL, the body "
            "and the time in ms, with the app's client secret; 5 minutes",
            events="up to 100 in each request",
            provider_key="portalId, subscriptionId, eventId and occurredAt of each event",
            provider_key_signed=True,
            answer="any 2xx within 5 s; 400, 401, 403, 404 and 405 end the retries",
            answer_seconds=5,
            retries="up to 10 times within 24 h",
            retry_seconds=DAY_SECONDS,
            unverified="the URL where it has characters that HubSpot decodes before it signs",
        ),
    ),
    Preset(
        name="intercom",
        verification={
            "method": "hmac",
            "header": "X-Hub-Signature",
            "algorithm": "sha1",
            "prefix": "sha1=",
        },
        event_type=("body:topic",),
        key=(("body:id",),),
        counters=frozenset(
            {"delivery_attempts", "delivery_status", "delivered_at", "first_sent_at"}
        ),
        facts=SourceFacts(
            documentation="https://developers.intercom.com/docs/webhooks/webhook-notifications",
            signature="X-Hub-Signature: sha1=<hex>, HMAC-SHA1 over the body with the client secret",
            provider_key="id in the body (notif_...)",
            provider_key_signed=True,
            answer="any 2xx; after 429 Intercom slows down to 2 h, after 7 days of errors it "
            "suspends a private app",
            unverified="retries: when and how often a failed delivery is sent again",
        ),
    ),
    Preset(
        name="square",
        verification={
            "method": "hmac",
            "header": "x-square-hmacsha256-signature",
            "encoding": "base64",
            "signed": "{url}{body}",
        },
        event_type=("body:type",),
        key=(("body:event_id",),),
        event_headers=("Square-Environment", "Square-Retry-Number", "Square-Retry-Reason"),
        facts=SourceFacts(
            documentation="https://developer.squareup.com/docs/webhooks/step3validate",
            signature="x-square-hmacsha256-signature: <base64>, HMAC-SHA256 over the URL and the "
            "body",
            provider_key="event_id in the body",
            provider_key_signed=True,
            answer="any 2xx within 10 s",
            answer_seconds=10,
            retries="for 24 h, in older documents for 72 h",
            retry_seconds=3 * DAY_SECONDS,
        ),
    ),
    Preset(
        name="typeform",
        verification={
            "method": "hmac",
            "header": "Typeform-Signature",
            "encoding": "base64",
            "prefix": "sha256=",
        },
        event_type=("body:event_type",),
        key=(("body:event_id",),),
        facts=SourceFacts(
            documentation="https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
            signature="Typeform-Signature: sha256=<base64>, HMAC-SHA256 over the body",
            provider_key="event_id in the body",
            provider_key_signed=True,
            answer="any 2xx within 30 s; 404 and 410 disable the webhook",
            answer_seconds=30,
            retries="after 408, 423, 429 and 503 every 2 to 3 minutes for 10 h; after others 5 min "
            "to 4 h apart",
            retry_seconds=38_100,
            unverified="the same event_id in every retry",
        ),
    ),
    Preset(
        name="zoom",
        verification={
            "method": "hmac",
            "header": "x-zm-signature",
            "prefix": "v0=",
            "signed": "v0:{timestamp}:{body}",
            "timestamp_header": "x-zm-request-timestamp",
        },
        event_type=("body:event",),
        key=(("body:event",), ("body:event_ts",)),
        key_has_content=True,
        challenge=zoom_challenge,
        event_headers=("x-zm-request-timestamp", "x-zm-trackingid"),
        facts=SourceFacts(
            documentation="https://developers.zoom.us/docs/api/webhooks/",
            signature="x-zm-signature: v0=<hex>, HMAC-SHA256 over v0:<timestamp>:<body> with the "
            "secret token; 5 minutes",
            handshake="endpoint.url_validation: answered with the token and its HMAC, no event",
            provider_key="none of Zoom's; event, event_ts and a digest of the payload",
            provider_key_signed=True,
            answer="200 or 204 within 3 s",
            answer_seconds=3,
            retries="after 5, 25 and 85 minutes",
            retry_seconds=5_100,
            unverified="the same event_ts in every retry; retries signed anew with a fresh time",
        ),
    ),
)
