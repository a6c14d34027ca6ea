"""Steps at messengers, and at services for work with customers."""

from app.intake.sources.sender_steps import SenderSteps

STEPS = {
    "calendly": SenderSteps(
        title="Calendly",
        steps=(
            (
                "Create the subscription with `POST "
                "https://api.calendly.com/webhook_subscriptions`, the webhook URL as `url` and the "
                "secret as `signing_key`."
            ),
        ),
    ),
    "clickup": SenderSteps(
        title="ClickUp",
        credential="webhook.secret",
        steps=(
            (
                "Create the webhook with the webhook URL as `endpoint` (`POST "
                "/api/v2/team/<team>/webhook`)."
            ),
            "The `webhook.secret` of the response is the secret.",
        ),
    ),
    "discord": SenderSteps(
        title="Discord",
        credential="public key",
        credential_form="64 hex digits",
        steps=(
            (
                "In the Developer Portal: General Information shows the application's public key, "
                "which is the secret."
            ),
            (
                "Enter the webhook URL there as Interactions Endpoint URL; or on the page Webhooks "
                "as Endpoint, turn Events on, and choose the events."
            ),
        ),
        test="Discord pings the webhook URL when it is saved.",
    ),
    "evolution": SenderSteps(
        title="Evolution API",
        steps=(
            "In the webhook's settings of the instance, enter the webhook URL.",
            (
                'Add `"headers": {"jwt_key": "<secret>"}`: the secret itself then never travels. A '
                'header `"X-Webhook-Secret": "<secret>"`, or the webhook URL with the secret at '
                "its end, proves it too."
            ),
        ),
        test="Write a message to the number of the instance.",
    ),
    "evolution_go": SenderSteps(
        title="Evolution Go",
        steps=(
            (
                "As the webhook address of the instance, enter the webhook URL with the secret at "
                "its end. A proxy of yours may instead add it as `X-Webhook-Secret`."
            ),
        ),
        test="Write a message to the number of the instance.",
    ),
    "hubspot": SenderSteps(
        title="HubSpot",
        credential="client secret",
        steps=(
            (
                "In the app's settings: Webhooks, with the webhook URL as the target URL; of an "
                "app that is a project, `targetUrl` of its webhooks component."
            ),
            "The app's client secret is the secret.",
            "HubSpot signs the address: `HOOKONCE_PUBLIC_URL` must be the one that HubSpot calls.",
        ),
    ),
    "intercom": SenderSteps(
        title="Intercom",
        credential="client secret",
        steps=(
            "In the Developer Hub: Configure > Webhooks, with the webhook URL.",
            "The app's client secret (Configure > Basic information) is the secret.",
        ),
        test="Send a test request, beside the webhook URL.",
    ),
    "slack": SenderSteps(
        title="Slack",
        credential="signing secret",
        steps=(
            "The app's signing secret (Basic Information > App Credentials) is the secret.",
            (
                "Enter the webhook URL under Event Subscriptions > Request URL. The same address "
                "serves Interactivity and slash commands."
            ),
        ),
        test="Slack sends a challenge when the Request URL is entered, and Hookonce returns it.",
    ),
    "telegram": SenderSteps(
        title="Telegram",
        steps=(
            (
                "Call `https://api.telegram.org/bot<token>/setWebhook` with the webhook URL as "
                "`url` and the secret as `secret_token`. Telegram allows letters, digits, `_` and "
                "`-` in it, at most 256."
            ),
        ),
        test="Write a message to the bot.",
    ),
    "twilio": SenderSteps(
        title="Twilio",
        credential="auth token",
        steps=(
            "The account's auth token is the secret.",
            "Enter the webhook URL, with method POST.",
            "Twilio signs the address: `HOOKONCE_PUBLIC_URL` must be the one that Twilio calls.",
        ),
        test="Send an SMS to the number, or call it.",
    ),
    "whatsapp": SenderSteps(
        title="WhatsApp (Meta)",
        credential="app secret",
        steps=(
            "The app secret (App settings > Basic) is the secret.",
            (
                "In WhatsApp > Configuration enter the webhook URL as callback URL, and as verify "
                "token the app secret or, better, what docs/sources/whatsapp.md derives from it."
            ),
        ),
        test="Meta checks the callback URL when it is saved.",
    ),
    "zoom": SenderSteps(
        title="Zoom",
        credential="secret token",
        steps=(
            (
                "In the app: Features > Access > Event Subscriptions > Add New Event Subscription, "
                "with the webhook URL as Event notification endpoint URL."
            ),
            (
                "The secret token, on the same page, is the secret. The trigger must have it "
                "before Validate is pressed."
            ),
        ),
        test="Validate, beside the webhook URL.",
    ),
}
