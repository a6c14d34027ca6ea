"""Presets of senders of code, builds and incidents; `more_presets` has the others.

Each is as its documentation says; `unverified` names what the documentation leaves open.
"""

from app.intake.message import SourceFacts
from app.intake.sources.preset import Preset

_ATLASSIAN = {"method": "hmac", "header": "X-Hub-Signature", "prefix": "sha256="}

PRESETS = (
    Preset(
        name="bitbucket",
        verification=_ATLASSIAN,
        event_type=("header:X-Event-Key",),
        key=(("header:X-Request-UUID", "header:X-Request-Id"),),
        event_headers=("X-Event-Key", "X-Hook-UUID", "X-Request-UUID", "X-Attempt-Number"),
        facts=SourceFacts(
            documentation="https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
            signature="X-Hub-Signature: sha256=<hex>, HMAC-SHA256 over the body",
            provider_key="X-Request-UUID (Cloud), X-Request-Id (Data Center)",
            retries="numbered in X-Attempt-Number",
            unverified="how often and how long Bitbucket retries; the same id in each retry",
        ),
    ),
    Preset(
        name="buildkite",
        verification={
            "method": "hmac",
            "header": "X-Buildkite-Signature",
            "signed": "{timestamp}.{body}",
            "timestamp_field": "timestamp",
            "signature_field": "signature",
        },
        event_type=("header:X-Buildkite-Event", "body:event"),
        key=(("body:event",),),
        key_has_content=True,
        event_headers=("X-Buildkite-Event",),
        facts=SourceFacts(
            documentation="https://buildkite.com/docs/apis/webhooks",
            signature="X-Buildkite-Signature: timestamp=<unix>,signature=<hex>, HMAC-SHA256 over "
            "<timestamp>.<body>; 5 minutes",
            provider_key="none of Buildkite's; the event and a digest of the payload",
            provider_key_signed=True,
            unverified="retries; X-Buildkite-Token, the other choice, is not accepted",
        ),
    ),
    Preset(
        name="circleci",
        verification={
            "method": "hmac",
            "header": "circleci-signature",
            "prefix": "v1=",
            "separator": ",",
        },
        event_type=("body:type", "header:circleci-event-type"),
        key=(("body:id",),),
        event_headers=("Circleci-Event-Type",),
        facts=SourceFacts(
            documentation="https://circleci.com/docs/guides/integration/outbound-webhooks/",
            signature="circleci-signature: v1=<hex>, HMAC-SHA256 over the body",
            provider_key="id in the body, by which CircleCI advises to recognise duplicates",
            provider_key_signed=True,
            answer="any 2xx within 5 s",
            answer_seconds=5,
            retries="later; CircleCI does not document when",
        ),
    ),
    Preset(
        name="forgejo",
        verification={"method": "hmac", "header": "X-Forgejo-Signature"},
        event_type=("header:X-Forgejo-Event",),
        key=(("header:X-Forgejo-Delivery",),),
        event_headers=("X-Forgejo-Event", "X-Forgejo-Delivery"),
        facts=SourceFacts(
            documentation="https://forgejo.org/docs/latest/user/webhooks/",
            signature="X-Forgejo-Signature: <hex>, HMAC-SHA256 over the body",
            provider_key="X-Forgejo-Delivery",
            unverified="retries; the same id when a person redelivers",
        ),
    ),
    Preset(
        name="gitea",
        verification={"method": "hmac", "header": "X-Gitea-Signature"},
        event_type=("header:X-Gitea-Event",),
        key=(("header:X-Gitea-Delivery",),),
        event_headers=("X-Gitea-Event", "X-Gitea-Event-Type", "X-Gitea-Delivery"),
        facts=SourceFacts(
            documentation="https://docs.gitea.com/usage/webhooks",
            signature="X-Gitea-Signature: <hex>, HMAC-SHA256 over the body",
            provider_key="X-Gitea-Delivery",
            unverified="retries; the same id when a person redelivers",
        ),
    ),
    Preset(
        name="jira",
        verification=_ATLASSIAN,
        event_type=("body:webhookEvent",),
        key=(("header:X-Atlassian-Webhook-Identifier",),),
        event_headers=(
            "X-Atlassian-Webhook-Identifier",
            "X-Atlassian-Webhook-Flow",
            "X-Atlassian-Webhook-Retry",
        ),
        facts=SourceFacts(
            documentation="https://developer.atlassian.com/cloud/jira/platform/webhooks/",
            signature="X-Hub-Signature: sha256=<hex>, HMAC-SHA256 over the body; only webhooks "
            "that an administrator registers have a secret",
            provider_key="X-Atlassian-Webhook-Identifier, the same in every retry",
            retries="after 408, 409, 425, 429, 5xx and no answer, numbered in "
            "X-Atlassian-Webhook-Retry",
            retry_seconds=4_500,
            unverified="the span of the retries; at most 75 minutes are assumed",
        ),
    ),
    Preset(
        name="pagerduty",
        verification={
            "method": "hmac",
            "header": "X-PagerDuty-Signature",
            "prefix": "v1=",
            "separator": ",",
        },
        event_type=("body:event.event_type",),
        key=(("body:event.id",),),
        facts=SourceFacts(
            documentation="https://developer.pagerduty.com/docs/verifying-webhook-signatures",
            signature="X-PagerDuty-Signature: v1=<hex>[,v1=<hex>], HMAC-SHA256 over the body",
            provider_key="event.id in the body",
            provider_key_signed=True,
            unverified="retries: others report 4 within 20 minutes",
        ),
    ),
    Preset(
        name="sentry",
        verification={"method": "hmac", "header": "Sentry-Hook-Signature"},
        event_type=("header:Sentry-Hook-Resource",),
        key=(("header:Request-ID",),),
        event_headers=("Sentry-Hook-Resource", "Sentry-Hook-Timestamp", "Request-ID"),
        facts=SourceFacts(
            documentation="https://docs.sentry.io/integrations/integration-platform/webhooks/",
            signature="Sentry-Hook-Signature: <hex>, HMAC-SHA256 over the body with the "
            "integration's client secret; the timestamp is not signed",
            provider_key="Request-ID",
            answer="any 2xx within 1 s; after 1000 time-outs in 24 h Sentry unsubscribes",
            answer_seconds=1,
            unverified="retries; the same Request-ID in a retry",
        ),
    ),
)
