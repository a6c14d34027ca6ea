"""Steps at services for code, payments and shops, and at any other sender."""

from app.intake.sources.sender_steps import SenderSteps

STEPS = {
    "adyen": SenderSteps(
        title="Adyen",
        credential="HMAC key",
        credential_form="64 hex digits",
        steps=(
            (
                "In the Customer Area: Developers > Webhooks > Standard webhook, with the webhook "
                "URL and JSON as the method."
            ),
            (
                "Under Security, generate an HMAC key; it is shown once, in hex, and is the "
                "secret. Test and live have keys of their own."
            ),
        ),
        test="Test configuration, on the page of the webhook.",
    ),
    "bitbucket": SenderSteps(
        title="Bitbucket",
        steps=(
            (
                "In the repository: Repository settings > Webhooks > Add webhook, with the webhook "
                "URL and the secret."
            ),
        ),
        test="Push a commit; View requests, beside the webhook, shows the response.",
    ),
    "buildkite": SenderSteps(
        title="Buildkite",
        credential="token",
        steps=(
            (
                "In Buildkite: Settings > Notification Services > Webhook, with the webhook URL "
                'and "Send an HMAC signature in the X-Buildkite-Signature header".'
            ),
            "Its token is the secret.",
        ),
    ),
    "circleci": SenderSteps(
        title="CircleCI",
        steps=(
            (
                "In CircleCI: Project settings > Webhooks > Add Webhook, with the webhook URL, and "
                'the secret as "Secret token".'
            ),
        ),
        test="Test Ping Event, on the form of the webhook.",
    ),
    "custom": SenderSteps(
        title="Another sender",
        steps=(
            "Send events to the webhook URL with POST.",
            (
                "Send the HMAC-SHA256 of the body's bytes, made with the secret, in hex, as "
                "`X-Webhook-Signature` or `X-Signature`."
            ),
        ),
    ),
    "forgejo": SenderSteps(
        title="Forgejo",
        steps=(
            (
                "In the repository: Settings > Webhooks > Add webhook > Forgejo, with the webhook "
                "URL and the secret."
            ),
        ),
        test="Test delivery, on the page of the webhook.",
    ),
    "gitea": SenderSteps(
        title="Gitea",
        steps=(
            (
                "In the repository: Settings > Webhooks > Add Webhook > Gitea, with the webhook "
                "URL and the secret."
            ),
        ),
        test="Test Delivery, on the page of the webhook.",
    ),
    "github": SenderSteps(
        title="GitHub",
        steps=(
            "In the repository, the organization or the app: Settings > Webhooks > Add webhook.",
            "Payload URL: the webhook URL. Content type: `application/json`. Secret: the secret.",
            "Choose the events, and press Add webhook.",
        ),
        test=(
            "GitHub sends a `ping` at once, which is verified and is no event. Later: Recent "
            "Deliveries > Redeliver."
        ),
    ),
    "gitlab": SenderSteps(
        title="GitLab",
        steps=(
            "In GitLab: Settings > Webhooks > Add new webhook, with the webhook URL.",
            (
                "Secret token: the secret. In newer versions GitLab may make a signing token "
                "(`whsec_...`) instead: then that is the secret."
            ),
        ),
        test="Test > Push events, beside the webhook.",
    ),
    "jira": SenderSteps(
        title="Jira",
        steps=(
            (
                "In Jira: System > WebHooks > Create a WebHook, with the webhook URL and the "
                "secret. Webhooks that an app registers are not signed in this way."
            ),
        ),
    ),
    "linear": SenderSteps(
        title="Linear",
        credential="signing secret",
        credential_form="lin_wh_...",
        steps=(
            "In Linear: Settings > API > Webhooks, with the webhook URL.",
            (
                "The signing secret, which Linear shows beside the new webhook's address, is the "
                "secret."
            ),
        ),
    ),
    "mercadopago": SenderSteps(
        title="Mercado Pago",
        credential="secret signature",
        steps=(
            "In Your integrations > Webhooks > Configure notifications, enter the webhook URL.",
            "Saving reveals the secret signature: that is the secret.",
            "Mercado Pago appends `?data.id=...&type=...` to the URL; a proxy must keep both.",
        ),
        test="Simulate notification, on the same page.",
    ),
    "paddle": SenderSteps(
        title="Paddle",
        credential="secret key",
        credential_form="pdl_ntfset_...",
        steps=(
            (
                "In Paddle: Developer tools > Notifications > New destination, type webhook, with "
                "the webhook URL."
            ),
            "The destination's secret key is the secret.",
        ),
        test=(
            "Developer tools > Simulations > New simulation. The usage type of the destination "
            "must include simulation."
        ),
    ),
    "pagerduty": SenderSteps(
        title="PagerDuty",
        credential="secret",
        steps=(
            (
                "In PagerDuty: Integrations > Generic Webhooks (v3) > New Webhook, with the "
                "webhook URL."
            ),
            "PagerDuty shows the secret once, when the webhook is added.",
        ),
        test="Send Test Event, on the page of the webhook.",
    ),
    "sentry": SenderSteps(
        title="Sentry",
        credential="client secret",
        steps=(
            (
                "In Sentry: Settings > Developer Settings > Create New Integration > Internal "
                'Integration, with the webhook URL as "Webhook URL", and choose the webhooks.'
            ),
            (
                "The client secret, under Credentials, is the secret; Sentry shows it only for a "
                "short time after the integration was created."
            ),
        ),
    ),
    "shopify": SenderSteps(
        title="Shopify",
        credential="client secret",
        steps=(
            "Subscribe with the webhook URL, in JSON.",
            (
                "The app's client secret is the secret; for webhooks made in the admin (Settings > "
                "Notifications > Webhooks), the one that is shown there."
            ),
        ),
        test=(
            "Send a test notification, beside a webhook of the admin. It is signed with the secret "
            "shown there, and not with an app's client secret."
        ),
    ),
    "square": SenderSteps(
        title="Square",
        credential="signature key",
        steps=(
            (
                "In the Developer Console: Webhooks > Subscriptions > Add subscription, with the "
                "webhook URL."
            ),
            "Its signature key (Endpoint Details > Show) is the secret.",
            "Square signs the address: `HOOKONCE_PUBLIC_URL` must be the one that Square calls.",
        ),
        test="Send test event, on the page of the subscription.",
    ),
    "standard": SenderSteps(
        title="Standard Webhooks (Svix and others)",
        credential="secret of the endpoint",
        credential_form="whsec_...",
        steps=(
            "Give the sender the webhook URL.",
            "The secret is the one that the sender shows for this endpoint, `whsec_` included.",
        ),
    ),
    "stripe": SenderSteps(
        title="Stripe",
        credential="signing secret",
        credential_form="whsec_...",
        steps=(
            (
                "In Stripe: Workbench > Webhooks > Create new destination > Webhook endpoint, with "
                "the webhook URL."
            ),
            (
                "The signing secret of the destination, with its `whsec_`, is the secret: Reveal "
                "secret, on its page. A sandbox and live mode have secrets of their own."
            ),
        ),
        test="`stripe trigger payment_intent.succeeded`, with the Stripe CLI.",
    ),
    "typeform": SenderSteps(
        title="Typeform",
        steps=(
            "In the form: Connect > Webhooks > Add a webhook, with the webhook URL.",
            "Edit it, enter the secret, and turn it on: Typeform adds it switched off.",
        ),
        test="View deliveries > Send test request.",
    ),
}
